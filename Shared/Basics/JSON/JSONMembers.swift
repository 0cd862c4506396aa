/// The members of a JSON object from outside, found in one pass. A value is converted when it is read.
///
/// Use it where a text is read often and few of its members count: it needs no decoder. Compares names unescaped, by bytes.
package struct JSONMembers {
    /// A value has another type than the caller reads, or a required one is absent.
    package struct TypeMismatch: Error {
        package init() {}
    }

    private struct Member {
        /// The name without its quotes, escapes as written.
        let name: Range<Int>
        let value: Range<Int>
    }

    private let text: [UInt8]
    private let members: [Member]
    /// Whether a name contains an escape, so that its bytes are not the name itself.
    private let hasEscapedNames: Bool
    /// The first repeated name, at its second place; nil when all differ.
    private let repetition: Range<Int>?

    /// Reads a text that is one object, surrounded by white space only, and valid as ``JSONDocument/check(_:)`` has it.
    ///
    /// - Throws: ``JSONSyntaxError``; ``TypeMismatch`` when the text is another value.
    package init(_ text: [UInt8]) throws {
        let object = try JSONScanner.scan(text) { scanner throws(JSONSyntaxError) -> JSONMembers? in
            scanner.skipWhitespace()
            let isObject = try scanner.peek() == UInt8(ascii: "{")
            let object = isObject ? try JSONMembers(of: text, scanning: &scanner, depth: 0) : nil
            if !isObject { try scanner.scanValue(depth: 0) }
            try scanner.finish()
            return object
        }
        guard let object else { throw TypeMismatch() }
        if let repetition = object.repetition {
            throw JSONSyntaxError(offset: repetition.lowerBound, problem: "a member that the object has already")
        }
        self = object
    }

    /// Reads the object at the scanner's position, which is in `text`. A name of this object may stand twice: its first value counts. Names of inner
    /// objects may if the scanner tolerates them.
    ///
    /// - Parameter depth: the number of enclosing arrays and objects.
    package init(of text: [UInt8], scanning scanner: inout JSONScanner, depth: Int) throws(JSONSyntaxError) {
        var members: [Member] = []
        members.reserveCapacity(12)
        try scanner.openObject()
        while let name = try scanner.nextMember(isFirst: members.isEmpty) {
            let start = scanner.position
            try scanner.scanValue(depth: depth + 1)
            members.append(Member(name: name, value: start..<scanner.position))
        }
        self.text = text
        self.members = members
        hasEscapedNames = members.contains { text[$0.name].contains(UInt8(ascii: "\\")) }
        repetition = JSONNames.repeated(members.count, in: scanner.base) { members[$0].name }
    }

    // MARK: Members

    /// Number of members.
    package var count: Int { members.count }

    /// Whether any name stands twice.
    package var hasRepetition: Bool { repetition != nil }

    /// Whether that name stands twice.
    package func isRepeated(_ name: String) -> Bool { members.count(where: { self.name(of: $0, is: name) }) > 1 }

    /// Whether there is a member of that name, whatever its value.
    package func contains(_ name: String) -> Bool { value(name) != nil }

    /// Whether a member is present and not null.
    package func hasValue(_ name: String) -> Bool { kind(of: name).map { $0 != .null } ?? false }

    /// The type of a member's value; nil when it is absent.
    package func kind(of name: String) -> JSONKind? { value(name).map(kind) }

    /// The JSON text of a member's value; nil when it is absent.
    package subscript(_ name: String) -> ArraySlice<UInt8>? { value(name).map { text[$0] } }

    /// The JSON texts of the values whose unescaped name meets a condition.
    package func values(where isMeant: (ArraySlice<UInt8>) -> Bool) -> [ArraySlice<UInt8>] {
        members.filter { isMeant(unescapedName(of: $0)) }.map { text[$0.value] }
    }

    // MARK: Values

    /// The text of a string; nil when the member is absent or null.
    ///
    /// - Throws: ``TypeMismatch``.
    package func string(_ name: String) throws(TypeMismatch) -> String? {
        try value(name, of: .string).flatMap { JSONString.text(of: text[$0]) }
    }

    /// The text of a string; nil when the member is absent or another value.
    package func text(_ name: String) -> String? { self[name].flatMap(JSONString.text(of:)) }

    /// A number; nil when the member is absent or null.
    ///
    /// - Throws: ``TypeMismatch``, also for a number beyond the range of `Double`.
    package func number(_ name: String) throws(TypeMismatch) -> Double? {
        guard let range = try value(name, of: .number) else { return nil }
        guard let number = Double(String(decoding: text[range], as: UTF8.self)), number.isFinite else { throw TypeMismatch() }
        return number
    }

    /// The members of an object; nil when the member is absent or null.
    ///
    /// - Throws: ``TypeMismatch``.
    package func object(_ name: String) throws(TypeMismatch) -> JSONMembers? {
        guard let range = try value(name, of: .object) else { return nil }
        return scan(at: range) { scanner throws(JSONSyntaxError) in try JSONMembers(of: text, scanning: &scanner, depth: 0) }
    }

    /// The strings of an array, without its other elements; none when the member is another value or absent.
    package func strings(_ name: String) -> [String] {
        guard let range = value(name), kind(range) == .array else { return [] }
        return scan(at: range) { scanner throws(JSONSyntaxError) -> [String] in
            var strings: [String] = []
            try scanner.openArray()
            var isFirst = true
            while try scanner.nextElement(isFirst: isFirst) {
                isFirst = false
                let start = scanner.position
                try scanner.scanValue(depth: 0)
                if let string = JSONString.text(of: text[start..<scanner.position]) { strings.append(string) }
            }
            return strings
        } ?? []
    }

    // MARK: Places

    /// Reads a value once more. The text has been scanned, and repetitions were tolerated or refused then, so nothing is thrown.
    private func scan<Result>(at range: Range<Int>, _ body: (inout JSONScanner) throws(JSONSyntaxError) -> Result) -> Result? {
        try? JSONScanner.scan(text) { scanner throws(JSONSyntaxError) -> Result in
            scanner.position = range.lowerBound
            scanner.toleratesRepetition = true
            return try body(&scanner)
        }
    }

    private func kind(_ value: Range<Int>) -> JSONKind { JSONKind(firstByte: text[value.lowerBound]) }

    /// The place of a value of that type; nil when the member is absent or null.
    private func value(_ name: String, of kind: JSONKind) throws(TypeMismatch) -> Range<Int>? {
        guard let range = value(name), self.kind(range) != .null else { return nil }
        guard self.kind(range) == kind else { throw TypeMismatch() }
        return range
    }

    private func value(_ name: String) -> Range<Int>? { members.first { self.name(of: $0, is: name) }?.value }

    private func name(of member: Member, is name: String) -> Bool {
        let count = name.utf8.count
        guard hasEscapedNames else { return member.name.count == count && text[member.name].elementsEqual(name.utf8) }
        // An escape has up to six bytes, and never fewer than what it stands for.
        return (count...6 * count).contains(member.name.count) && unescapedName(of: member).elementsEqual(name.utf8)
    }

    private func unescapedName(of member: Member) -> ArraySlice<UInt8> {
        let written = text[member.name]
        return written.contains(UInt8(ascii: "\\")) ? JSONString.unescape(written)[...] : written
    }
}
