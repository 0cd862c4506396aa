/// A second JSON parser, independent of the one under test: recursive, slow, and equally strict (RFC 8259; valid UTF-8, no lone
/// surrogates, at most 64 levels). Numbers keep their text.
indirect enum JSONTree: Equatable, Sendable {
    case object([(name: String, value: JSONTree)])
    case array([JSONTree])
    case string(String)
    case number(String)
    case boolean(Bool)
    case null

    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var reader = Reader(scalars: Array(text.unicodeScalars))
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpace()
        guard reader.next == nil else { return nil }
        self = value
    }

    init?(_ text: String) { self.init(Array(text.utf8)) }

    /// The value of a member; the first, if there are several.
    subscript(_ name: String) -> JSONTree? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.unicodeScalars.elementsEqual(name.unicodeScalars) }?.value
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var elements: [JSONTree]? { if case .array(let elements) = self { elements } else { nil } }
    var names: [String] { if case .object(let members) = self { members.map(\.name) } else { [] } }

    /// Whether any object in it has a duplicate member.
    var hasRepetition: Bool {
        switch self {
        case .object(let members):
            Set(members.map { Array($0.name.utf8) }).count < members.count || members.contains { $0.value.hasRepetition }
        case .array(let elements): elements.contains { $0.hasRepetition }
        case .string, .number, .boolean, .null: false
        }
    }

    /// Ignores the order of members.
    static func == (left: JSONTree, right: JSONTree) -> Bool {
        switch (left, right) {
        case (.object(let left), .object(let right)):
            left.count == right.count && left.allSatisfy { member in right.contains { $0.name == member.name && $0.value == member.value } }
        case (.array(let left), .array(let right)): left == right
        case (.string(let left), .string(let right)): left.unicodeScalars.elementsEqual(right.unicodeScalars)
        case (.number(let left), .number(let right)): left == right
        case (.boolean(let left), .boolean(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }
}

private struct Reader {
    let scalars: [Unicode.Scalar]
    var position = 0

    var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    mutating func take(word: String) -> Bool { word.unicodeScalars.allSatisfy { take($0) } }

    mutating func skipSpace() {
        while let scalar = next, " \t\r\n".unicodeScalars.contains(scalar) { position += 1 }
    }

    mutating func value(depth: Int) -> JSONTree? {
        skipSpace()
        switch next {
        case "{": return depth < 64 ? object(depth: depth) : nil
        case "[": return depth < 64 ? array(depth: depth) : nil
        case "\"": return string().map { .string($0) }
        case "t": return take(word: "true") ? .boolean(true) : nil
        case "f": return take(word: "false") ? .boolean(false) : nil
        case "n": return take(word: "null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONTree? {
        guard take("{") else { return nil }
        var members: [(name: String, value: JSONTree)] = []
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard let name = string() else { return nil }
            skipSpace()
            guard take(":"), let value = value(depth: depth + 1) else { return nil }
            members.append((name, value))
            skipSpace()
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array(depth: Int) -> JSONTree? {
        guard take("[") else { return nil }
        var elements: [JSONTree] = []
        skipSpace()
        if take("]") { return .array(elements) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
            skipSpace()
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func number() -> JSONTree? {
        let start = position
        func isDigit(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { ("0"..."9").contains($0) } ?? false }
        _ = take("-")
        if !take("0") {
            guard isDigit(next) else { return nil }
            while isDigit(next) { position += 1 }
        }
        if take(".") {
            guard isDigit(next) else { return nil }
            while isDigit(next) { position += 1 }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard isDigit(next) else { return nil }
            while isDigit(next) { position += 1 }
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[start..<position])
        return .number(String(text))
    }

    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var text = String.UnicodeScalarView()
        while let scalar = next {
            position += 1
            switch scalar {
            case "\"": return String(text)
            case "\\":
                guard let escaped = escape() else { return nil }
                text.append(escaped)
            case "\0"..<" ": return nil
            default: text.append(scalar)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let scalar = next else { return nil }
        position += 1
        switch scalar {
        case "\"", "\\", "/": return scalar
        case "b": return "\u{08}"
        case "f": return "\u{0C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            guard let unit = codeUnit() else { return nil }
            guard (0xD800..<0xE000).contains(unit) else { return Unicode.Scalar(unit) }
            guard unit < 0xDC00, take("\\"), take("u"), let low = codeUnit(), (0xDC00..<0xE000).contains(low) else { return nil }
            return Unicode.Scalar(0x10000 + (unit - 0xD800) * 0x400 + (low - 0xDC00))
        default: return nil
        }
    }

    private mutating func codeUnit() -> UInt32? {
        guard position + 4 <= scalars.count else { return nil }
        let digits = scalars[position..<position + 4]
        guard digits.allSatisfy({ $0.properties.isASCIIHexDigit }) else { return nil }
        position += 4
        return UInt32(String(String.UnicodeScalarView(digits)), radix: 16)
    }
}
