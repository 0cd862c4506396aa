/// Where and why a text is not JSON.
package struct JSONSyntaxError: Error {
    /// The byte at which it shows.
    package var offset: Int
    /// What was expected or found there, as part of a sentence.
    package var problem: StaticString

    package func validationError(field: String) -> ValidationError {
        ValidationError(field: field, message: "is not valid JSON: \(problem) at byte \(offset)")
    }
}

/// A strict, single-pass reader of RFC 8259 text that finds where values begin and end and builds nothing.
///
/// Strict means: no comments, no trailing commas, no byte order mark, valid UTF-8 without surrogates, no `\u` escape of half a
/// surrogate pair (which the grammar allows, but many clients could not read), and no object within a value that has a member twice, since
/// readers differ in which of the two counts. Who steps through an object with ``nextMember(isFirst:)`` compares its names itself. Every method starts at `position` and leaves it after
/// what it read. The memory belongs to the caller, who keeps it alive and unchanged while the scanner is in use.
package struct JSONScanner {
    /// How deep arrays and objects may nest, the outermost counted. At most 64: the open containers are kept in one word.
    package static let maximumDepth = 64

    package let base: UnsafePointer<UInt8>
    package let end: Int
    package var position = 0
    /// Whether whitespace with CR or LF in it has been skipped.
    package var hasSkippedLineBreak = false
    /// Whether a member that stands twice is noted in ``repetition`` instead of thrown: for a reader that answers several requests in one text,
    /// of which only one is to blame.
    package var toleratesRepetition = false
    /// The name of a member that stands twice, as an offset, found since it was last nil. Always nil unless ``toleratesRepetition``.
    package var repetition: Int?
    /// The names of the objects that ``scanContainer(depth:)`` has open.
    private var openNames = JSONNameStack()

    /// Calls `body` with a scanner at the first byte of `bytes`, which must not leave it.
    package static func scan<Result, Failure: Error>(
        _ bytes: [UInt8],
        _ body: (inout JSONScanner) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try bytes.withUnsafeBufferPointer { buffer throws(Failure) -> Result in
            guard let base = buffer.baseAddress else {
                // An empty array may have no memory at all; the scanner needs an address, but never reads from it.
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

    /// The next byte, which stays unread.
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

    /// Reads one value of any kind. `depth` is the number of containers already open around it.
    @inline(__always)
    package mutating func scanValue(depth: Int) throws(JSONSyntaxError) {
        let byte = try peek()
        if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
            try scanContainer(depth: depth)
        } else {
            try scanScalar(firstByte: byte)
        }
    }

    /// Reads an object or array with everything in it, without recursion: input cannot exhaust the stack.
    private mutating func scanContainer(depth: Int) throws(JSONSyntaxError) {
        // One bit for each open container, the innermost lowest: 1 for an object, 0 for an array.
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
