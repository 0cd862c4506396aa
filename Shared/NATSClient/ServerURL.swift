/// What may be shown of a server's URL.
enum ServerURL {
    /// `nats://user:password@host:4222` as `nats://host:4222`, and so for every URL within a longer text.
    ///
    /// An address ends at white space, a comma or a quotation mark; what stands between its scheme and its last `@` goes.
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
