import AccessControl

/// Formats setting values for messages, without secrets.
enum ShownText {
    private static let maximumCharacters = 200

    /// Returns `text` without control characters, truncated to a line.
    static func bounded(_ text: String) -> String {
        let characters = text.prefix(maximumCharacters).map { character in
            character.unicodeScalars.contains { $0.properties.generalCategory == .control } ? "\u{FFFD}" : character
        }
        return String(characters) + (text.count > maximumCharacters ? "…" : "")
    }

    /// Formats an unknown name. It may be a misplaced secret, so only the prefix that it shares with a known name is shown, and a few more
    /// characters to find the typo.
    static func unknownName(_ text: String, among known: [String]) -> String {
        let common = known.map { zip($0, text).prefix { $0 == $1 }.count }.max() ?? 0
        let shown = bounded(String(text.prefix(common + 12)))
        return text.count > common + 12 && !shown.hasSuffix("…") ? shown + "…" : shown
    }

    /// Redacts `text`: removes the user part of URLs (`nats://user:password@host`) and tokens.
    static func withoutCredentials(_ text: String) -> String {
        var shown = ""
        var rest = Redaction.redacted(text: text)[...]
        while let scheme = rest.firstRange(of: "://") {
            // Up to the next space or comma, and not only to a slash: an unencoded password may have one.
            let authority = rest[scheme.upperBound...].prefix { $0 != "," && !$0.isWhitespace }
            shown += rest[..<scheme.upperBound]
            if let at = authority.lastIndex(of: "@") {
                shown += Redaction.mark
                rest = rest[at...]
            } else {
                rest = rest[scheme.upperBound...]
            }
        }
        return shown + rest
    }
}
