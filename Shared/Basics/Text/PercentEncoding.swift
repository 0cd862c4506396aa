/// Percent-encoding (RFC 3986 §2.1).
package enum PercentEncoding {
    /// Decodes `text`; nil when a `%` is not followed by two hexadecimal digits.
    ///
    /// - Parameter plusIsSpace: whether `+` stands for a space, as in query strings
    ///   (<https://url.spec.whatwg.org/#urlencoded-parsing>) and nowhere else.
    package static func strictlyDecoded(_ text: some Collection<UInt8>, plusIsSpace: Bool = true) -> [UInt8]? {
        var isValid = true
        let bytes = decode(text, plusIsSpace) { isValid = false }
        return isValid ? bytes : nil
    }

    /// Decodes `text`; keeps a `%` without two digits.
    package static func leniently(_ text: some Collection<UInt8>, plusIsSpace: Bool = true) -> [UInt8] {
        decode(text, plusIsSpace) {}
    }

    /// Encodes every byte that is not plain as a mark and two upper-case hexadecimal digits.
    ///
    /// - Parameters:
    ///   - mark: The escape character.
    ///   - isPlain: Returns whether an ASCII byte stays unencoded.
    package static func encode(_ text: String, mark: Unicode.Scalar = "%", isPlain: (UInt8) -> Bool) -> String {
        guard !text.utf8.allSatisfy(isPlain) else { return text }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: mark))
                Hexadecimal.append(byte, to: &bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Returns whether a byte is unreserved in RFC 3986 §2.3.
    package static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }

    private static func decode(_ text: some Collection<UInt8>, _ plusIsSpace: Bool, onStrayPercent: () -> Void) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+") where plusIsSpace:
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2).compactMap(Hexadecimal.value(of:))
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
}
