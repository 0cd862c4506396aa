/// Writes JSON in the form of RFC 8785 (JCS): one text for all spellings of a value, so that a digest of the text identifies the value.
///
/// No white space; members sorted by the UTF-16 code units of their unescaped names; strings with the escapes of ``JSONString``; numbers as
/// ECMAScript writes the nearest IEEE 754 binary64 value. Integers beyond ±(2^53 − 1) that have the same nearest value have the same form.
public enum CanonicalJSON {
    /// Returns the RFC 8785 form of one JSON value, which white space may surround.
    ///
    /// - Parameters:
    ///   - json: the text.
    ///   - field: its name in errors.
    /// - Throws: a ``ValidationError`` when the text is not JSON as ``JSONScanner`` accepts it (duplicate members, half a surrogate pair, more
    ///   than 64 levels) or has a number beyond binary64.
    public static func encode(_ json: some Collection<UInt8>, field: String) throws(ValidationError) -> [UInt8] {
        let writer: Writer
        do throws(JSONSyntaxError) {
            writer = try Writer.write(Array(json), numbers: .binary64)
        } catch {
            throw error.validationError(field: field)
        }
        if let offset = writer.infinity {
            throw ValidationError(
                field: field,
                message: "must not have numbers beyond ±1.7976931348623157e308 (IEEE 754 binary64), but has one at byte \(offset)"
            )
        }
        return writer.out
    }

    /// The form of numbers.
    enum Numbers {
        /// As they are written: `1`, `1.0` and `1e0` stay different.
        case asWritten
        /// As ECMAScript writes the nearest binary64 value.
        case binary64
    }

    /// Writes the canonical form of a text.
    struct Writer {
        private(set) var out: [UInt8] = []
        /// The offset of the first number beyond binary64; such a number is written as `null`.
        private(set) var infinity: Int?
        private let numbers: Numbers

        /// Writes one JSON value, which white space may surround.
        ///
        /// Checks the whole text first. The depth of recursion is then bounded by ``JSONScanner/maximumDepth``.
        static func write(_ json: [UInt8], numbers: Numbers) throws(JSONSyntaxError) -> Writer {
            try JSONScanner.scan(json) { scanner throws(JSONSyntaxError) in
                scanner.skipWhitespace()
                let start = scanner.position
                try scanner.scanValue(depth: 0)
                try scanner.finish()
                scanner.position = start
                var writer = Writer(numbers: numbers)
                writer.out.reserveCapacity(json.count)
                try writer.append(&scanner)
                return writer
            }
        }

        private init(numbers: Numbers) {
            self.numbers = numbers
        }

        private mutating func append(_ scanner: inout JSONScanner) throws(JSONSyntaxError) {
            let start = scanner.position
            switch JSONKind(firstByte: try scanner.peek()) {
            case .object: try appendObject(&scanner)
            case .array: try appendArray(&scanner)
            case .string:
                try scanner.scanValue(depth: 0)
                JSONString.append(Self.text(start + 1..<scanner.position - 1, in: scanner), to: &out)
            case .number:
                try scanner.scanValue(depth: 0)
                appendNumber(UnsafeBufferPointer(start: scanner.base + start, count: scanner.position - start), offset: start)
            case .boolean, .null:
                try scanner.scanValue(depth: 0)
                out.append(contentsOf: UnsafeBufferPointer(start: scanner.base + start, count: scanner.position - start))
            }
        }

        private mutating func appendObject(_ scanner: inout JSONScanner) throws(JSONSyntaxError) {
            // Values are written where they stand in the text, and then moved.
            var members: [(name: String, value: [UInt8])] = []
            let start = out.count
            try scanner.openObject()
            while let name = try scanner.nextMember(isFirst: members.isEmpty) {
                let text = Self.text(name, in: scanner)
                try append(&scanner)
                members.append((text, Array(out[start...])))
                out.removeSubrange(start...)
            }
            members.sort { $0.name.utf16.lexicographicallyPrecedes($1.name.utf16) }
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONString.append(member.name, to: &out)
                out.append(UInt8(ascii: ":"))
                out.append(contentsOf: member.value)
            }
            out.append(UInt8(ascii: "}"))
        }

        private mutating func appendArray(_ scanner: inout JSONScanner) throws(JSONSyntaxError) {
            var isFirst = true
            try scanner.openArray()
            out.append(UInt8(ascii: "["))
            while try scanner.nextElement(isFirst: isFirst) {
                if !isFirst { out.append(UInt8(ascii: ",")) }
                try append(&scanner)
                isFirst = false
            }
            out.append(UInt8(ascii: "]"))
        }

        private mutating func appendNumber(_ written: UnsafeBufferPointer<UInt8>, offset: Int) {
            switch numbers {
            case .asWritten: out.append(contentsOf: written)
            case .binary64:
                guard let value = Double(String(decoding: written, as: UTF8.self)), value.isFinite else {
                    infinity = infinity ?? offset
                    return out.append("null")
                }
                ECMAScriptNumber.append(value, to: &out)
            }
        }

        private static func text(_ range: Range<Int>, in scanner: JSONScanner) -> String {
            JSONString.text(UnsafeBufferPointer(start: scanner.base + range.lowerBound, count: range.count))
        }
    }
}
