extension JSONScanner {
    /// Reads a string with its quotes, checking its UTF-8 (RFC 3629) and its escapes.
    mutating func scanString() throws(JSONSyntaxError) {
        var position = position + 1
        defer { self.position = position }
        scanning: while true {
            // Eight bytes at a time, as long as none of them needs a look.
            while position &+ 8 <= end {
                let special = Self.specialBytes(UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self))
                guard special == 0 else {
                    position &+= special.trailingZeroBitCount >> 3
                    break
                }
                position &+= 8
            }
            while position < end {
                let byte = base[position]
                if byte >= 0x80 {
                    position = try endOfMultibyteCharacter(at: position)
                    continue
                }
                position &+= 1
                if byte == UInt8(ascii: "\"") { return }
                if byte == UInt8(ascii: "\\") {
                    position = try endOfEscape(at: position)
                    continue scanning
                }
                guard byte >= 0x20 else {
                    throw JSONSyntaxError(offset: position - 1, problem: "a control character in a string must be escaped; found one")
                }
                if position &+ 8 <= end { continue scanning }
            }
            throw JSONSyntaxError(offset: end, problem: "the text ends within a string")
        }
    }

    /// Marks the bytes of `word` that end a plain run: quote, backslash, control character, not ASCII. The lowest mark is exact;
    /// those above it may be false, because a subtraction borrows from its neighbour.
    @inline(__always)
    private static func specialBytes(_ word: UInt64) -> UInt64 {
        let word = UInt64(littleEndian: word)
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = (word ^ (ones &* 0x22)) &- ones
        let backslashes = (word ^ (ones &* 0x5C)) &- ones
        let controls = word &- (ones &* 0x20)
        return ((quotes | backslashes | controls) & ~word | word) & (ones &* 0x80)
    }

    /// The offset after the character that begins at `position` with a byte that is not ASCII: the well-formed sequences of Unicode
    /// table 3-7, so neither overlong forms nor surrogates nor values beyond U+10FFFF.
    @inline(__always)
    private func endOfMultibyteCharacter(at position: Int) throws(JSONSyntaxError) -> Int {
        let lead = base[position]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0:
            length = 3
            second = 0xA0...0xBF
        case 0xED:
            length = 3
            second = 0x80...0x9F
        case 0xE1...0xEF: length = 3
        case 0xF0:
            length = 4
            second = 0x90...0xBF
        case 0xF1...0xF3: length = 4
        case 0xF4:
            length = 4
            second = 0x80...0x8F
        default: throw JSONSyntaxError(offset: position, problem: "not UTF-8")
        }
        guard position + length <= end, second.contains(base[position + 1]),
            length < 3 || base[position + 2] & 0xC0 == 0x80,
            length < 4 || base[position + 3] & 0xC0 == 0x80
        else { throw JSONSyntaxError(offset: position, problem: "not UTF-8") }
        return position + length
    }

    /// The offset after the escape whose backslash lies before `position`.
    private func endOfEscape(at position: Int) throws(JSONSyntaxError) -> Int {
        guard position < end else { throw JSONSyntaxError(offset: end, problem: "the text ends within a string") }
        switch base[position] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            return position + 1
        case UInt8(ascii: "u"):
            let unit = try hexadecimal(at: position + 1)
            guard unit & 0xF800 == 0xD800 else { return position + 5 }
            guard unit < 0xDC00, position + 6 < end, base[position + 5] == UInt8(ascii: "\\"), base[position + 6] == UInt8(ascii: "u"),
                try hexadecimal(at: position + 7) & 0xFC00 == 0xDC00
            else { throw JSONSyntaxError(offset: position - 1, problem: "half a surrogate pair") }
            return position + 11
        default:
            throw JSONSyntaxError(offset: position - 1, problem: "an unknown escape")
        }
    }

    /// The value of the four hexadecimal digits at `position`.
    private func hexadecimal(at position: Int) throws(JSONSyntaxError) -> UInt16 {
        guard position + 4 <= end else { throw JSONSyntaxError(offset: end, problem: "the text ends within a string") }
        var value: UInt16 = 0
        for offset in 0..<4 {
            guard let digit = Hexadecimal.value(of: base[position + offset]) else {
                throw JSONSyntaxError(offset: position + offset, problem: "expected a hexadecimal digit")
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
