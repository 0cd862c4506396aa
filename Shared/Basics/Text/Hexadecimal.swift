/// Hexadecimal digits as bytes.
package enum Hexadecimal {
    /// Decodes a digit of either case; nil if malformed.
    package static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// Encodes `bytes` as lower-case text.
    package static func lowercase(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { lowercase($0) }
    }

    /// Encodes `bytes` as lower-case text.
    package static func lowercase(_ bytes: UnsafeRawBufferPointer) -> String {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
        let count = 2 * bytes.count
        return String(unsafeUninitializedCapacity: count) { digits in
            for (index, byte) in bytes.enumerated() {
                digits.initializeElement(at: 2 * index, to: digit(byte >> 4))
                digits.initializeElement(at: 2 * index + 1, to: digit(byte & 0x0F))
            }
            return count
        }
    }

    /// Appends the two upper-case digits of `byte`.
    package static func append(_ byte: UInt8, to out: inout [UInt8]) {
        for digit in [byte >> 4, byte & 0x0F] {
            out.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
        }
    }
}
