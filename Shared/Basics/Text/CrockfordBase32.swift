/// Encodes 128 bits in Crockford's base 32, as ULIDs do: 26 upper-case characters, the first of them 0…7.
package enum CrockfordBase32 {
    package static let length = 26

    private static let alphabet: StaticString = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

    /// Appends the 26 characters of `value`.
    package static func append(_ value: UInt128, to out: inout [UInt8]) {
        out.append(count: length) { write(value, to: $0) }
    }

    /// Returns `prefix` and the 26 characters of `value`, with one allocation.
    package static func text(_ value: UInt128, prefix: StaticString = "") -> String {
        String(unsafeUninitializedCapacity: prefix.utf8CodeUnitCount + length) { text in
            guard let place = text.baseAddress else { return 0 }
            place.initialize(from: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
            write(value, to: place + prefix.utf8CodeUnitCount)
            return prefix.utf8CodeUnitCount + length
        }
    }

    /// Writes the 26 characters of `value`.
    private static func write(_ value: UInt128, to place: UnsafeMutablePointer<UInt8>) {
        // Shifts of 64-bit words are much cheaper. 13 characters are 65 bits; the first half's two highest bits are unused.
        let high = UInt64(truncatingIfNeeded: value >> 65)
        let low = UInt64(truncatingIfNeeded: value)
        let middle = Int(truncatingIfNeeded: value >> 60) & 0x1F
        let characters = alphabet.utf8Start
        for index in 0..<13 {
            place[index] = characters[Int(truncatingIfNeeded: high >> UInt64(60 - 5 * index)) & 0x1F]
        }
        place[13] = characters[middle]
        for index in 0..<12 {
            place[14 + index] = characters[Int(truncatingIfNeeded: low >> UInt64(55 - 5 * index)) & 0x1F]
        }
    }

    /// Decodes exactly 26 characters; nil if malformed.
    package static func decode(_ text: some Collection<UInt8>) -> UInt128? {
        guard text.count == length, let first = text.first, value(of: first) < 8 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in text.enumerated() {
            let digit = value(of: byte)
            guard digit < 32 else { return nil }
            // The 14th character has one bit in the upper word, which it leaves by the shifts that follow.
            if index < 13 { high = high << 5 | UInt64(digit) } else { low = low << 5 | UInt64(digit) }
            if index == 13 { high = high << 1 | UInt64(digit >> 4) }
        }
        return UInt128(high) << 64 | UInt128(low)
    }

    /// Decodes a character, else 0xFF. Rejects lower case and I, L, O, U: an id has one spelling.
    private static func value(of character: UInt8) -> UInt8 {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "H"): character - UInt8(ascii: "A") + 10
        case UInt8(ascii: "J")...UInt8(ascii: "K"): character - UInt8(ascii: "J") + 18
        case UInt8(ascii: "M")...UInt8(ascii: "N"): character - UInt8(ascii: "M") + 20
        case UInt8(ascii: "P")...UInt8(ascii: "T"): character - UInt8(ascii: "P") + 22
        case UInt8(ascii: "V")...UInt8(ascii: "Z"): character - UInt8(ascii: "V") + 27
        default: 0xFF
        }
    }
}
