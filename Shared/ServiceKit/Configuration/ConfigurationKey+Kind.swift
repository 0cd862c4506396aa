extension ConfigurationKey {
    /// The type of a key's values, with its text format.
    public enum Kind: Sendable, Hashable {
        /// Any text.
        case text
        /// A whole number in a range.
        case integer(ClosedRange<Int>)
        /// A number in a range.
        case number(ClosedRange<Double>)
        /// `true` or `false`; `yes`, `no`, `on`, `off`, `1` and `0` mean the same. The option alone, without a value, means true.
        case boolean
        /// A duration, see ``DurationText``.
        case duration(ClosedRange<Duration>)
        /// A size in bytes, see ``ByteSizeText``.
        case byteSize(ClosedRange<Int>)
        /// Comma-separated texts, or a sequence in a file. Spaces around them and empty ones are dropped.
        case list
        /// One of several words; case-insensitive.
        case choice([String])
    }
}

/// An unparsed value of a source.
enum RawValue: Sendable, Hashable {
    case text(String)
    /// A sequence in a file.
    case items([String])
}

/// A parsed value.
enum ConfigurationValue: Sendable, Hashable {
    case text(String)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case duration(Duration)
    case byteSize(Int)
    case list([String])
}

extension ConfigurationKey.Kind {
    /// Parses a value; nil if it does not match ``allowed``.
    func parse(_ raw: RawValue) -> ConfigurationValue? {
        let text: String
        switch raw {
        case .items(let items):
            guard self == .list else { return nil }
            return .list(items.map(Self.trimmed).filter { !$0.isEmpty })
        case .text(let given): text = given
        }
        switch self {
        case .text: return text.utf8.contains(0) ? nil : .text(text)
        case .integer(let range): return Int(Self.trimmed(text)).flatMap { range.contains($0) ? .integer($0) : nil }
        case .number(let range): return Double(Self.trimmed(text)).flatMap { range.contains($0) ? .number($0) : nil }
        case .boolean: return Self.boolean(text).map { .boolean($0) }
        case .duration(let range): return DurationText.parse(Self.trimmed(text)).flatMap { range.contains($0) ? .duration($0) : nil }
        case .byteSize(let range): return ByteSizeText.parse(Self.trimmed(text)).flatMap { range.contains($0) ? .byteSize($0) : nil }
        case .list: return .list(text.split(separator: ",").map { Self.trimmed($0) }.filter { !$0.isEmpty })
        case .choice(let words):
            let word = Self.trimmed(text).lowercased()
            return words.contains(word) ? .text(word) : nil
        }
    }

    /// Describes the allowed values, to follow "use" in a sentence.
    var allowed: String {
        switch self {
        case .text: "a text"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .duration(let range):
            "a duration from \(DurationText.show(range.lowerBound)) to \(DurationText.show(range.upperBound)), such as 500ms, 30s, 2m, 1h or 7d"
        case .byteSize(let range):
            "a number of bytes from \(ByteSizeText.show(range.lowerBound)) to \(ByteSizeText.show(range.upperBound)), such as 65536, 256KiB or 10GiB"
        case .list: "a list, its items joined by commas"
        case .choice(let words): words.count == 1 ? words[0] : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
        }
    }

    /// The placeholder in `--help`.
    var placeholder: String {
        switch self {
        case .text: "TEXT"
        case .integer, .number: "NUMBER"
        case .boolean: "true|false"
        case .duration: "DURATION"
        case .byteSize: "BYTES"
        case .list: "LIST"
        case .choice(let words): words.joined(separator: "|")
        }
    }

    private static func boolean(_ text: String) -> Bool? {
        switch trimmed(text).lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}

extension ConfigurationValue {
    /// The value as text that parses to the same value.
    var text: String {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .boolean(let flag): String(flag)
        case .duration(let duration): DurationText.show(duration)
        case .byteSize(let bytes): ByteSizeText.show(bytes)
        case .list(let items): items.joined(separator: ",")
        }
    }
}
