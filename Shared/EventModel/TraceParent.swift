/// The `traceparent` of W3C Trace Context.
enum TraceParent {
    /// Whether `text` is version 00 of the form: `00-<32 hex>-<16 hex>-<2 hex>` in lower case, neither id all zeros.
    static func isValid(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].elementsEqual("00".utf8) else { return false }
        for (part, length) in zip(parts.dropFirst(), [32, 16, 2]) {
            let isHexadecimal = part.allSatisfy { Hexadecimal.value(of: $0) != nil && !(0x41...0x46).contains($0) }
            guard part.count == length, isHexadecimal else { return false }
        }
        return parts[1...2].allSatisfy { id in id.contains { $0 != UInt8(ascii: "0") } }
    }
}
