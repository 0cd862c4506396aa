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

    /// A name that is not one of `known`. A secret that lost its place may stand in it, so only what begins like a known name is shown, and a few
    /// characters behind that, by which a slip is found.
    static func unknownName(_ text: String, among known: [String]) -> String {
        let common = known.map { zip($0, text).prefix { $0 == $1 }.count }.max() ?? 0
        let shown = bounded(String(text.prefix(common + 12)))
        return text.count > common + 12 && !shown.hasSuffix("…") ? shown + "…" : shown
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
