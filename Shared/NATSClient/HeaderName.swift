/// Compares header names without regard to case. The server compares its own names exactly; other clients, and proxies that copy headers
/// from HTTP, may change the case.
enum HeaderName {
    /// Returns whether two names are equal, ignoring ASCII case.
    static func isSame(_ one: some Collection<UInt8>, _ other: some Collection<UInt8>) -> Bool {
        one.count == other.count && one.elementsEqual(other) { lowercased($0) == lowercased($1) }
    }

    /// The error for a header that must have one value and has several.
    static func ambiguity(_ name: String) -> NATSError {
        NATSError(.invalidHeader, "The header \(name) is there more than once, with different values.")
    }

    /// The error for a header value that is not UTF-8.
    static func invalidText(_ name: String) -> NATSError {
        NATSError(.invalidHeader, "The header \(name) is not UTF-8.")
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
