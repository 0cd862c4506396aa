/// Redacts server URLs.
enum ServerURL {
    /// Removes credentials from every URL in a text: `nats://user:password@host:4222` becomes `nats://host:4222`.
    ///
    /// A URL ends at white space, a comma or a quotation mark; everything between the scheme and the last `@` is removed.
    static func redacted(_ text: String) -> String {
        var shown = ""
        var rest = text[...]
        while let found = rest.firstRange(of: "@") {
            let before = rest[..<found.lowerBound]
            let start = before.lastIndex(where: { $0.isWhitespace || $0 == "," || $0 == "\"" || $0 == "'" }).map(before.index(after:))
            let address = before[(start ?? before.startIndex)...]
            shown += before[..<address.startIndex]
            if let scheme = address.firstRange(of: "://") { shown += address[..<scheme.upperBound] }
            rest = rest[found.upperBound...]
        }
        return shown + rest
    }
}
