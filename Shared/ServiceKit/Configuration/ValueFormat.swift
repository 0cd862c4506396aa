import Basics

/// How a process uses the file that a key names.
enum FileUse: Sendable, Hashable {
    /// It reads public keys or other data that is no secret.
    case open
    /// It reads certificates, whose expiry is a metric (``CertificateMetrics``).
    case certificates
    /// It reads a secret, which other users of the machine should not read.
    case secret
}

/// The text format of a key's values: how they are parsed, formatted and described.
public struct ValueFormat<Value: Sendable>: Sendable {
    /// Describes the allowed values, to follow "use" in a sentence.
    let allowed: String
    /// The placeholder in `--help`.
    let placeholder: String
    /// The value that the command-line option means without a value; nil if the option needs one.
    let bareOption: String?
    /// How the process uses the file of this name; nil for a value that names no file to read.
    let file: FileUse?
    /// Parses a value; nil if it does not match ``allowed``.
    let parse: @Sendable (RawValue) -> Value?
    /// Formats a value as text that parses to the same value.
    let show: @Sendable (Value) -> String

    private init(
        allowed: String,
        placeholder: String,
        bareOption: String? = nil,
        file: FileUse? = nil,
        show: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (RawValue) -> Value?
    ) {
        self.allowed = allowed
        self.placeholder = placeholder
        self.bareOption = bareOption
        self.file = file
        self.show = show
        self.parse = parse
    }

    /// A format whose values are one text; a sequence in a file does not match it.
    private init(
        allowed: String,
        placeholder: String,
        bareOption: String? = nil,
        file: FileUse? = nil,
        show: @escaping @Sendable (Value) -> String,
        parseText: @escaping @Sendable (String) -> Value?
    ) {
        self.init(allowed: allowed, placeholder: placeholder, bareOption: bareOption, file: file, show: show) { raw in
            guard case .text(let text) = raw else { return nil }
            return parseText(text)
        }
    }

    /// The format without the type of its values.
    var erased: AnyValueFormat {
        AnyValueFormat(allowed: allowed, placeholder: placeholder, bareOption: bareOption, file: file) { [parse, show] raw in
            parse(raw).map { ParsedValue(value: $0, text: show($0)) }
        }
    }
}

extension ValueFormat<String> {
    /// Any text.
    public static var text: Self {
        Self(allowed: "a text", placeholder: "TEXT", show: \.self, parseText: withoutNUL)
    }

    /// The name of a file that the process reads.
    public static var file: Self {
        Self(allowed: "the name of a file", placeholder: "FILE", file: .open, show: \.self, parseText: withoutNUL)
    }

    /// The name of a PEM file with certificates that the process reads.
    public static var certificateFile: Self {
        Self(allowed: "the name of a file", placeholder: "FILE", file: .certificates, show: \.self, parseText: withoutNUL)
    }

    /// The name of a file with a secret that the process reads.
    public static var secretFile: Self {
        Self(allowed: "the name of a file", placeholder: "FILE", file: .secret, show: \.self, parseText: withoutNUL)
    }

    private static var withoutNUL: @Sendable (String) -> String? {
        { $0.utf8.contains(0) ? nil : $0 }
    }
}

extension ValueFormat<Int> {
    /// A whole number in a range.
    public static func integer(_ range: ClosedRange<Int>) -> Self {
        Self(
            allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)",
            placeholder: "NUMBER",
            show: { String($0) },
            parseText: { text in Int(text.trimmed).flatMap { range.contains($0) ? $0 : nil } }
        )
    }

    /// A size in bytes, see ``ByteSizeText``.
    public static func byteSize(_ range: ClosedRange<Int>) -> Self {
        Self(
            allowed:
                "a number of bytes from \(ByteSizeText.show(range.lowerBound)) to \(ByteSizeText.show(range.upperBound)), such as 65536, 256KiB or 10GiB",
            placeholder: "BYTES",
            show: { ByteSizeText.show($0) },
            parseText: { text in ByteSizeText.parse(text.trimmed).flatMap { range.contains($0) ? $0 : nil } }
        )
    }
}

extension ValueFormat<Double> {
    /// A number in a range.
    public static func number(_ range: ClosedRange<Double>) -> Self {
        Self(
            allowed: "a number from \(range.lowerBound) to \(range.upperBound)",
            placeholder: "NUMBER",
            show: { String($0) },
            parseText: { text in Double(text.trimmed).flatMap { range.contains($0) ? $0 : nil } }
        )
    }
}

extension ValueFormat<Bool> {
    /// `true` or `false`; `yes`, `no`, `on`, `off`, `1` and `0` mean the same. The option alone, without a value, means true.
    public static var boolean: Self {
        Self(allowed: "true or false", placeholder: "true|false", bareOption: "true", show: { String($0) }) { text in
            switch text.trimmed.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: nil
            }
        }
    }
}

extension ValueFormat<Duration> {
    /// A duration, see ``DurationText``.
    public static func duration(_ range: ClosedRange<Duration>) -> Self {
        Self(
            allowed:
                "a duration from \(DurationText.show(range.lowerBound)) to \(DurationText.show(range.upperBound)), such as 500ms, 30s, 2m, 1h or 7d",
            placeholder: "DURATION",
            show: { DurationText.show($0) },
            parseText: { text in DurationText.parse(text.trimmed).flatMap { range.contains($0) ? $0 : nil } }
        )
    }
}

extension ValueFormat<[String]> {
    /// Comma-separated texts, or a sequence in a file. Spaces around them and empty ones are dropped.
    public static var list: Self {
        Self(allowed: "a list, its items joined by commas", placeholder: "LIST", show: { $0.joined(separator: ",") }) { (raw: RawValue) in
            let items =
                switch raw {
                case .items(let items): items
                case .text(let text): text.split(separator: ",").map(String.init)
                }
            return items.map(\.trimmed).filter { !$0.isEmpty }
        }
    }
}

extension ValueFormat where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of several words, the raw values of a type; case-insensitive.
    public static var choice: Self {
        let words = Value.allCases.map(\.rawValue)
        return Self(
            allowed: words.count == 1 ? words[0] : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1],
            placeholder: words.joined(separator: "|"),
            show: \.rawValue,
            parseText: { Value(rawValue: $0.trimmed.lowercased()) }
        )
    }
}

/// An unparsed value of a source.
enum RawValue: Sendable, Hashable {
    case text(String)
    /// A sequence in a file.
    case items([String])
}

/// A parsed value, without its type.
struct ParsedValue: Sendable {
    let value: any Sendable
    /// The value as text that parses to the same value.
    let text: String
}

/// A ``ValueFormat`` without the type of its values.
struct AnyValueFormat: Sendable {
    /// Describes the allowed values, to follow "use" in a sentence.
    let allowed: String
    /// The placeholder in `--help`.
    let placeholder: String
    /// The value that the command-line option means without a value; nil if the option needs one.
    let bareOption: String?
    /// How the process uses the file of this name; nil for a value that names no file to read.
    let file: FileUse?
    /// Parses a value; nil if it does not match ``allowed``.
    let parse: @Sendable (RawValue) -> ParsedValue?
}

extension StringProtocol {
    /// The text without white space at both ends.
    fileprivate var trimmed: String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
