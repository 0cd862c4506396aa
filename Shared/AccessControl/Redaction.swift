import Basics

/// Takes tokens out of what is recorded (contract §1).
public enum Redaction {
    /// What stands in a token's place.
    public static let mark = "<redacted>"

    /// The most of a request target that is shown, in bytes.
    static let maximumBytes = 2048

    /// A request target, fit for a log: path and query as they came, without the values of `token` and `access_token` (however their names
    /// are spelt: case and percent-encoding make no difference), and without anything that looks like a JWT wherever it stands.
    ///
    /// Errs on the side of hiding: `;`, `#` and a second `?` count as separators too. At most 2,048 bytes are returned.
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

    /// Any other text, an error's for instance, without anything that looks like a JWT.
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

    /// What is shorter is a word that happens to begin like one.
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

    /// The characters of a JWT, and `%`, with which any of them may be spelt.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "="), UInt8(ascii: "%"): true
        default: false
        }
    }
}
