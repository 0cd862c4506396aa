import Basics
import EventModel

/// Parser for selected members of a JSON object; others are validated and skipped.
///
/// Names are compared unescaped. Of a duplicate name the first value is kept, and ``hasRepetition`` is true.
struct JSONMembers {
    private let text: [UInt8]
    private let names: [String]
    private var values: [Range<Int>?]
    private var repeated: [Bool]
    private var all: [(name: Range<Int>, value: Range<Int>)] = []
    /// Whether any name occurs twice, selected or not.
    private(set) var hasRepetition = false

    /// Reads one object at the scanner's position, which is in `text`.
    ///
    /// - Parameter depth: the number of enclosing arrays and objects.
    init(_ names: [String], of text: [UInt8], scanning scanner: inout JSONScanner, depth: Int) throws(JSONSyntaxError) {
        self.text = text
        self.names = names
        values = Array(repeating: nil, count: names.count)
        repeated = Array(repeating: false, count: names.count)
        try scanner.openObject()
        while let name = try scanner.nextMember(isFirst: all.isEmpty) {
            let start = scanner.position
            try scanner.scanValue(depth: depth + 1)
            all.append((name, start..<scanner.position))
            note(name, start..<scanner.position)
        }
        hasRepetition = JSONNames.repeated(all.count, in: scanner.base, { [all] in all[$0].name }) != nil
    }

    /// Reads a text that is exactly one object; nil otherwise.
    init?(_ names: [String], of object: [UInt8]) {
        do throws(JSONSyntaxError) {
            self = try JSONScanner.scan(object) { scanner throws(JSONSyntaxError) in
                scanner.skipWhitespace()
                let members = try JSONMembers(names, of: object, scanning: &scanner, depth: 0)
                try scanner.finish()
                return members
            }
        } catch {
            return nil
        }
    }

    /// Whether that name occurs twice.
    func isRepeated(_ name: String) -> Bool { names.firstIndex(of: name).map { repeated[$0] } ?? false }

    /// The JSON text of a member's value; nil if there is no such member.
    subscript(_ name: String) -> ArraySlice<UInt8>? {
        names.firstIndex(of: name).flatMap { values[$0] }.map { text[$0] }
    }

    /// Returns the members, selected or not, whose name meets a condition: unescaped names, and the JSON texts of the values.
    func members(where isMeant: (ArraySlice<UInt8>) -> Bool) -> [(name: String, json: ArraySlice<UInt8>)] {
        all.compactMap { member in
            let name = Self.unescaped(text[member.name])
            return isMeant(name) ? (String(decoding: name, as: UTF8.self), text[member.value]) : nil
        }
    }

    /// Returns the unescaped text of a string member; nil if absent or of another kind.
    func string(_ name: String) -> String? { self[name].flatMap { Self.string($0) } }

    /// Decodes a JSON string; nil if the text is of another kind.
    static func string(_ json: ArraySlice<UInt8>) -> String? {
        guard json.first == UInt8(ascii: "\"") else { return nil }
        return String(decoding: Self.unescaped(json.dropFirst().dropLast()), as: UTF8.self)
    }

    private mutating func note(_ name: Range<Int>, _ value: Range<Int>) {
        let written = Self.unescaped(text[name])
        guard let index = names.firstIndex(where: { $0.utf8.elementsEqual(written) }) else { return }
        if values[index] == nil {
            values[index] = value
        } else {
            repeated[index] = true
        }
    }

    private static func unescaped(_ inside: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        inside.contains(UInt8(ascii: "\\")) ? JSONString.unescape(inside)[...] : inside
    }
}
