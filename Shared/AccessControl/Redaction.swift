import Basics

/// Redacts tokens from logs (contract §1).
public enum Redaction {
    /// Replaces a token.
    public static let mark = "<redacted>"

    /// Maximum size of a shown request target, in bytes.
    static let maximumBytes = 2048

    /// Redacts a request target for a log: removes the values of `token` and `access_token` (in any case or percent-encoding of the name), and
    /// everything that looks like a JWT.
    ///
    /// Prefers to redact too much: `;`, `#` and a second `?` also separate. Returns at most 2,048 bytes.
    public static func redacted(target: String) -> String {
        var shown: [UInt8] = []
        let bytes = Array(target.utf8)
        let queryStart = bytes.firstIndex(where: isSeparator) ?? bytes.endIndex
        appendHidingJWTs(bytes[..<queryStart], to: &shown)
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
                appendHidingJWTs(parameter, to: &shown)
            }
        }
        guard shown.count > maximumBytes else { return String(decoding: shown, as: UTF8.self) }
        return String(decoding: shown.prefix(maximumBytes), as: UTF8.self) + "…"
    }

    /// Redacts everything that looks like a JWT in any other text, such as an error.
    public static func redacted(text: String) -> String {
        var shown: [UInt8] = []
        appendHidingJWTs(Array(text.utf8)[...], to: &shown)
        return String(decoding: shown, as: UTF8.self)
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "?") || byte == UInt8(ascii: "&") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "#")
    }

    private static let secretNames: Set<String> = ["token", "access_token"]

    private static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        let decoded = PercentEncoding.leniently(name).filter { $0 > UInt8(ascii: " ") }
        return secretNames.contains(String(decoding: decoded, as: UTF8.self).lowercased())
    }

    /// Every JWT begins with `{"` in base64url, which is `eyJ`.
    private static let jwtStart = Array("eyJ".utf8)

    /// Shorter matches are ordinary words.
    private static let shortestJWT = 16

    private static func appendHidingJWTs(_ text: ArraySlice<UInt8>, to shown: inout [UInt8]) {
        var rest = text
        while !rest.isEmpty {
            let end = rest.starts(with: jwtStart) ? rest.firstIndex { !isTokenCharacter($0) } ?? rest.endIndex : rest.startIndex
            if end - rest.startIndex >= shortestJWT {
                shown += mark.utf8
                rest = rest[end...]
            } else if let byte = rest.popFirst() {
                shown.append(byte)
            }
        }
    }

    /// Returns whether a byte can be part of a JWT, or of its percent-encoding.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "="), UInt8(ascii: "%"): true
        default: false
        }
    }
}
