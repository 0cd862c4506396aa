/// Percent-encoding (RFC 3986 §2.1) as it occurs in query strings, where `+` stands for a space
/// (<https://url.spec.whatwg.org/#urlencoded-parsing>).
package enum PercentEncoding {
    /// The bytes that `text` stands for, or nil when a `%` is not followed by two hexadecimal digits.
    package static func strictlyDecoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        var isValid = true
        let bytes = decode(text) { isValid = false }
        return isValid ? bytes : nil
    }

    /// The same, where a `%` without two digits stands for itself.
    package static func leniently(_ text: some Collection<UInt8>) -> [UInt8] {
        decode(text) {}
    }

    private static func decode(_ text: some Collection<UInt8>, onStrayPercent: () -> Void) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2).compactMap(hexadecimalValue)
                if digits.count == 2 {
                    bytes.append(digits[0] << 4 | digits[1])
                    rest = rest.dropFirst(2)
                } else {
                    onStrayPercent()
                    bytes.append(byte)
                }
            default:
                bytes.append(byte)
            }
        }
        return bytes
    }

    private static func hexadecimalValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
