/// Validates UTF-8 incrementally, cut anywhere. A value of three bytes; keeps only the expected range of the next byte.
///
/// Well-formed means the table of the Unicode Standard (3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
struct UTF8Validator: Sendable {
    /// Number of continuation bytes still expected.
    private var needed: UInt8 = 0
    /// The range of the next continuation byte.
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    /// Whether the input ends at the end of a character.
    var isComplete: Bool { self.needed == 0 }

    /// Returns whether the bytes are a valid continuation of the input.
    mutating func validate(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes {
            if self.needed > 0 {
                guard byte >= self.lower, byte <= self.upper else { return false }
                self.needed -= 1
                self.lower = 0x80
                self.upper = 0xBF
                continue
            }
            switch byte {
            case 0x00...0x7F: break
            case 0xC2...0xDF: self.needed = 1
            case 0xE0: (self.needed, self.lower) = (2, 0xA0)
            case 0xED: (self.needed, self.upper) = (2, 0x9F)
            case 0xE1...0xEF: self.needed = 2
            case 0xF0: (self.needed, self.lower) = (3, 0x90)
            case 0xF1...0xF3: self.needed = 3
            case 0xF4: (self.needed, self.upper) = (3, 0x8F)
            default: return false
            }
        }
        return true
    }
}
