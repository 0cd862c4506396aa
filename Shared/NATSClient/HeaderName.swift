/// Names of headers. The server compares those of its own exactly; other clients, and proxies that took a header over from HTTP, spell theirs
/// in any case, so readers here do not look at it.
enum HeaderName {
    /// Whether two names are the same but for the case of ASCII letters.
    static func isSame(_ one: some Collection<UInt8>, _ other: some Collection<UInt8>) -> Bool {
        one.count == other.count && one.elementsEqual(other) { lowercased($0) == lowercased($1) }
    }

    /// What a reader is told who asked for the one value of a name that has several.
    static func ambiguity(_ name: String) -> NATSError {
        NATSError(.invalidHeader, "The header \(name) is there more than once, with different values.")
    }

    /// What a reader is told who asked for a value that is not text.
    static func invalidText(_ name: String) -> NATSError {
        NATSError(.invalidHeader, "The header \(name) is not UTF-8.")
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
