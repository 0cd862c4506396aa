import Basics

/// Redacts tokens and tickets from logs (contract §1).
public enum Redaction {
    /// Replaces a token.
    public static let mark = "<redacted>"

    /// Maximum size of a shown request target, in bytes.
    static let maximumBytes = 2048

    /// Redacts a request target for a log: removes the values of `token`, `access_token` and `ticket` (in any case or percent-encoding of
    /// the name), and everything that looks like a JWT or a ticket.
    ///
    /// Prefers to redact too much: `;`, `#` and a second `?` also separate. Returns at most 2,048 bytes.
    public static func redacted(target: String) -> String {
        var shown: [UInt8] = []
        let bytes = Array(target.utf8)
        let queryStart = bytes.firstIndex(where: isSeparator) ?? bytes.endIndex
        appendHidingSecrets(bytes[..<queryStart], to: &shown)
        var rest = bytes[queryStart...]
        while let separator = rest.popFirst() {
            shown.append(separator)
            let parameter = rest.prefix { !isSeparator($0) }
            rest = rest[parameter.endIndex...]
            let name = parameter.prefix { $0 != UInt8(ascii: "=") }
            if name.endIndex < parameter.endIndex, isSecret(name) {
                shown += name
                shown.append(UInt8(ascii: "="))
                shown += mark.utf8
            } else {
                appendHidingSecrets(parameter, to: &shown)
            }
        }
        guard shown.count > maximumBytes else { return String(decoding: shown, as: UTF8.self) }
        return String(decoding: shown.prefix(maximumBytes), as: UTF8.self) + "…"
    }

    /// Redacts everything that looks like a JWT or a ticket in any other text, such as an error.
    public static func redacted(text: String) -> String {
        var shown: [UInt8] = []
        appendHidingSecrets(Array(text.utf8)[...], to: &shown)
        return String(decoding: shown, as: UTF8.self)
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "?") || byte == UInt8(ascii: "&") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "#")
    }

    private static let secretNames: Set<String> = ["token", "access_token", "ticket"]

    private static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        let decoded = PercentEncoding.leniently(name).filter { $0 > UInt8(ascii: " ") }
        return secretNames.contains(String(decoding: decoded, as: UTF8.self).lowercased())
    }

    /// How secrets begin: every JWT with `{"` in base64url, which is `eyJ`.
    public static let secretStarts = [Array("eyJ".utf8), Array(Ticket.prefix.utf8)]

    /// Shorter matches are ordinary words.
    private static let shortestSecret = 16

    private static func appendHidingSecrets(_ text: ArraySlice<UInt8>, to shown: inout [UInt8]) {
        var rest = text
        while !rest.isEmpty {
            let beginsSecret = secretStarts.contains { rest.starts(with: $0) }
            let end = beginsSecret ? rest.firstIndex { !isTokenCharacter($0) } ?? rest.endIndex : rest.startIndex
            if end - rest.startIndex >= shortestSecret {
                shown += mark.utf8
                rest = rest[end...]
            } else if let byte = rest.popFirst() {
                shown.append(byte)
            }
        }
    }

    /// Returns whether a byte can be part of a JWT or a ticket, or of its percent-encoding.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "="), UInt8(ascii: "%"): true
        default: false
        }
    }
}
