import AccessControl

/// Values of settings as they may be shown to a person.
enum ShownText {
    private static let maximumCharacters = 200

    /// `text` without control characters and not longer than a line.
    static func bounded(_ text: String) -> String {
        let characters = text.prefix(maximumCharacters).map { character in
            character.unicodeScalars.contains { $0.properties.generalCategory == .control } ? "\u{FFFD}" : character
        }
        return String(characters) + (text.count > maximumCharacters ? "…" : "")
    }

    /// `text` without the user part of URLs (`nats://user:password@host`) and without tokens.
    static func withoutCredentials(_ text: String) -> String {
        var shown = ""
        var rest = Redaction.redacted(text: text)[...]
        while let scheme = rest.firstRange(of: "://") {
            // Up to the next blank or comma, not only up to a slash: a password that was not percent-encoded may contain one.
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
