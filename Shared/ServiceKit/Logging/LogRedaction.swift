import AccessControl

/// Last line of defence: redacts tokens and tickets in every log line (contract §1).
///
/// Should never find anything; code that logs a request target uses `AccessControl.Redaction`.
enum LogRedaction {
    /// Metadata keys whose values are never shown.
    static let secretKeys: Set<String> = ["authorization", "cookie", "password", "secret", "token", "access_token", "ticket"]

    /// Redacts everything that looks like a JWT or a ticket, and the values of `token=` and `ticket=`.
    static func redacted(_ text: String) -> String {
        let withoutValues = assignments.contains { contains(text, $0) } ? hidingAssignments(text) : text
        return Redaction.secretStarts.contains { contains(withoutValues, $0) } ? Redaction.redacted(text: withoutValues) : withoutValues
    }

    private static let assignments = [Array("token=".utf8), Array("ticket=".utf8)]

    /// Returns whether `needle` occurs; ignores ASCII case.
    private static func contains(_ text: String, _ needle: [UInt8]) -> Bool {
        var text = text
        return text.withUTF8 { utf8 in
            guard utf8.count >= needle.count else { return false }
            return (0...(utf8.count - needle.count)).contains { start in
                needle.indices.allSatisfy { folded(utf8[start + $0]) == folded(needle[$0]) }
            }
        }
    }

    private static func hidingAssignments(_ text: String) -> String {
        var shown: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            shown.append(byte)
            guard byte == UInt8(ascii: "="), assignments.contains(where: { shown.suffix($0.count).map(folded) == $0 }) else { continue }
            // Already redacted; the mark ends with a character that would end a value.
            if rest.starts(with: Redaction.mark.utf8) {
                shown += Redaction.mark.utf8
                rest = rest.dropFirst(Redaction.mark.utf8.count).drop { !endsValue($0) }
                continue
            }
            let value = rest.prefix { !endsValue($0) }
            guard !value.isEmpty else { continue }
            shown += Redaction.mark.utf8
            rest = rest[value.endIndex...]
        }
        return String(decoding: shown, as: UTF8.self)
    }

    private static func endsValue(_ byte: UInt8) -> Bool {
        switch byte {
        case ...UInt8(ascii: " "), UInt8(ascii: "&"), UInt8(ascii: ";"), UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "'"): true
        case UInt8(ascii: ","), UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ">"): true
        default: false
        }
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
