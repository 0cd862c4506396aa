/// A JSON syntax error with its offset.
package struct JSONSyntaxError: Error {
    /// The offset of the offending byte.
    package var offset: Int
    /// What was expected or found there, as a part of a sentence.
    package var problem: StaticString

    package func validationError(field: String) -> ValidationError {
        ValidationError(field: field, message: "is not valid JSON: \(problem) at byte \(offset)")
    }
}

/// Scans RFC 8259 text in a single strict pass: finds the ends of values and allocates nothing.
///
/// Strict: no comments, trailing commas or byte order mark; valid UTF-8 without surrogates; no `\u` escape of half a surrogate pair (allowed by the
/// grammar, unreadable for many clients); no duplicate members within a value, since readers differ in which one counts. Callers of
/// ``nextMember(isFirst:)`` check the names of that object themselves. Every method starts at `position` and leaves it after what it read. The
/// caller keeps the memory alive and unchanged while the scanner is in use.
package struct JSONScanner {
    /// Maximum nesting depth of arrays and objects. At most 64: the open containers are bits of one word.
    package static let maximumDepth = 64

    package let base: UnsafePointer<UInt8>
    package let end: Int
    package var position = 0
    /// Whether skipped white space had a CR or LF.
    package var hasSkippedLineBreak = false
    /// Whether a duplicate member is recorded in ``repetition`` instead of thrown: for batches, of which only one request is at fault.
    package var toleratesRepetition = false
    /// Offset of the first duplicate member since this was last nil. Always nil unless ``toleratesRepetition``.
    package var repetition: Int?
    /// The names of the objects that ``scanContainer(depth:)`` has open.
    private var openNames = JSONNameStack()

    /// Calls `body` with a scanner at the first byte of `bytes`, which must not escape.
    package static func scan<Result, Failure: Error>(
        _ bytes: [UInt8],
        _ body: (inout JSONScanner) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try bytes.withUnsafeBufferPointer { buffer throws(Failure) -> Result in
            guard let base = buffer.baseAddress else {
                // An empty array may have no storage; the scanner needs an address, but never reads from it.
                var nothing: UInt8 = 0
                return try withUnsafePointer(to: &nothing) { pointer throws(Failure) -> Result in
                    var scanner = JSONScanner(base: pointer, end: 0)
                    return try body(&scanner)
                }
            }
            var scanner = JSONScanner(base: base, end: buffer.count)
            return try body(&scanner)
        }
    }

    private init(base: UnsafePointer<UInt8>, end: Int) {
        self.base = base
        self.end = end
    }

    package func failure(_ problem: StaticString) -> JSONSyntaxError {
        JSONSyntaxError(offset: position, problem: position < end ? problem : "the text ends too early")
    }

    /// Returns the next byte without consuming it.
    @inline(__always)
    package func peek() throws(JSONSyntaxError) -> UInt8 {
        guard position < end else { throw failure("") }
        return base[position]
    }

    @inline(__always)
    package mutating func skipWhitespace() {
        while position < end {
            let byte = base[position]
            guard byte <= 0x20 else { return }
            if byte == 0x0A || byte == 0x0D {
                hasSkippedLineBreak = true
            } else if byte != 0x20 && byte != 0x09 {
                return
            }
            position += 1
        }
    }

    /// Throws unless only whitespace is left.
    package mutating func finish() throws(JSONSyntaxError) {
        skipWhitespace()
        guard position == end else { throw failure("nothing may follow the value, but something does") }
    }

    // MARK: Objects and arrays, one step at a time

    /// Reads `{`.
    package mutating func openObject() throws(JSONSyntaxError) {
        guard try peek() == UInt8(ascii: "{") else { throw failure("expected an object") }
        position += 1
    }

    /// Reads up to the next member's value and returns the range of its name without the quotes, or reads `}` and returns nil.
    @inline(__always)
    package mutating func nextMember(isFirst: Bool) throws(JSONSyntaxError) -> Range<Int>? {
        skipWhitespace()
        var byte = try peek()
        if byte == UInt8(ascii: "}") {
            position += 1
            return nil
        }
        if !isFirst {
            guard byte == UInt8(ascii: ",") else { throw failure("expected a comma or a closing brace") }
            position += 1
            skipWhitespace()
            byte = try peek()
        }
        return try scanName(firstByte: byte)
    }

    /// Reads `[`.
    package mutating func openArray() throws(JSONSyntaxError) {
        guard try peek() == UInt8(ascii: "[") else { throw failure("expected an array") }
        position += 1
    }

    /// Reads up to the next element and returns true, or reads `]` and returns false.
    package mutating func nextElement(isFirst: Bool) throws(JSONSyntaxError) -> Bool {
        skipWhitespace()
        let byte = try peek()
        if byte == UInt8(ascii: "]") {
            position += 1
            return false
        }
        if !isFirst {
            guard byte == UInt8(ascii: ",") else { throw failure("expected a comma or a closing bracket") }
            position += 1
            skipWhitespace()
            guard try peek() != UInt8(ascii: "]") else { throw failure("expected a value after the comma") }
        }
        return true
    }

    /// Reads `"name" :` and the whitespace around the colon.
    @inline(__always)
    private mutating func scanName(firstByte: UInt8) throws(JSONSyntaxError) -> Range<Int> {
        guard firstByte == UInt8(ascii: "\"") else { throw failure("expected a member's name in double quotes") }
        let start = position + 1
        try scanString()
        let name = start..<position - 1
        skipWhitespace()
        guard try peek() == UInt8(ascii: ":") else { throw failure("expected a colon after the member's name") }
        position += 1
        skipWhitespace()
        return name
    }

    // MARK: Whole values

    /// Scans one value of any type. `depth` is the number of containers open around it.
    @inline(__always)
    package mutating func scanValue(depth: Int) throws(JSONSyntaxError) {
        let byte = try peek()
        if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
            try scanContainer(depth: depth)
        } else {
            try scanScalar(firstByte: byte)
        }
    }

    /// Scans an object or array iteratively: input cannot exhaust the stack.
    private mutating func scanContainer(depth: Int) throws(JSONSyntaxError) {
        // One bit per open container, the innermost lowest: 1 for an object, 0 for an array.
        var containers: UInt64 = 0
        var open = 0
        nextValue: while true {
            let byte = try peek()
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                guard depth + open < Self.maximumDepth else { throw failure("more than 64 arrays and objects within each other") }
                let isObject = byte == UInt8(ascii: "{")
                containers = containers << 1 | (isObject ? 1 : 0)
                open += 1
                position += 1
                skipWhitespace()
                // "{" and "}", "[" and "]" are two apart in ASCII.
                let first = try peek()
                if first != byte + 2 {
                    if isObject {
                        openNames.open()
                        openNames.add(try scanName(firstByte: first))
                    }
                    continue nextValue
                }
                position += 1
                containers >>= 1
                open -= 1
            } else {
                try scanScalar(firstByte: byte)
            }
            // A value is complete: close what it completes, up to the next comma.
            while open > 0 {
                skipWhitespace()
                let byte = try peek()
                let isObject = containers & 1 == 1
                if byte == UInt8(ascii: ",") {
                    position += 1
                    skipWhitespace()
                    if isObject { openNames.add(try scanName(firstByte: peek())) }
                    continue nextValue
                }
                guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw failure(isObject ? "expected a comma or a closing brace" : "expected a comma or a closing bracket")
                }
                if isObject, let repeated = openNames.close(in: base) {
                    guard toleratesRepetition else {
                        throw JSONSyntaxError(offset: repeated, problem: "a member that the object has already")
                    }
                    repetition = repeated
                }
                position += 1
                containers >>= 1
                open -= 1
            }
            return
        }
    }

    @inline(__always)
    private mutating func scanScalar(firstByte: UInt8) throws(JSONSyntaxError) {
        switch firstByte {
        case UInt8(ascii: "\""): try scanString()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber()
        case UInt8(ascii: "t"): try scanLiteral("true")
        case UInt8(ascii: "f"): try scanLiteral("false")
        case UInt8(ascii: "n"): try scanLiteral("null")
        default: throw failure("expected a value")
        }
    }

    private mutating func scanLiteral(_ literal: StaticString) throws(JSONSyntaxError) {
        for offset in 0..<literal.utf8CodeUnitCount {
            guard try peek() == literal.utf8Start[offset] else { throw failure("expected true, false or null") }
            position += 1
        }
    }

    /// RFC 8259 §6: no leading zero, digits on both sides of the point, nothing about size or precision.
    private mutating func scanNumber() throws(JSONSyntaxError) {
        if base[position] == UInt8(ascii: "-") { position += 1 }
        if try peek() == UInt8(ascii: "0") {
            position += 1
        } else {
            try scanDigits()
        }
        if position < end, base[position] == UInt8(ascii: ".") {
            position += 1
            try scanDigits()
        }
        if position < end, base[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            let sign = try peek()
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            try scanDigits()
        }
    }

    private mutating func scanDigits() throws(JSONSyntaxError) {
        let start = position
        while position < end, base[position] &- UInt8(ascii: "0") < 10 { position += 1 }
        guard position > start else { throw failure("expected a digit") }
    }
}
