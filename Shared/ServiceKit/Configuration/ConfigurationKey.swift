/// A configuration key, without the type of its values, with one name for all sources.
///
/// `http.port` is that name in a file, where its words may be nested (`http:` with `port:` below it) or joined by dots; the environment
/// variable is ``environmentName`` (`HTTP_PORT`) and the command-line option ``option`` (`--http-port`).
/// A secret also has a ``fileCompanion``, the file with its value (`…_FILE`), as container platforms mount secrets. A key that was renamed
/// also has a ``former`` key: every source still accepts its former name.
///
/// Every key is a ``ConfigurationKey``. Keys are declared as static members of this class, because a generic class cannot have them: so
/// `settings[.httpPort]` finds a key of any type.
///
/// Immutable. `@unchecked` only because the class has a subclass: both have nothing but constants of `Sendable` types.
public class AnyConfigurationKey: @unchecked Sendable {
    /// What happens without a value.
    public enum Absence: Sendable, Hashable {
        /// The key has this default, as text.
        case defaultText(String)
        /// The key's value is nil.
        case allowed
        /// The process does not start.
        case refused
    }

    /// Lower-case words joined by dots.
    public let name: String
    /// What happens without a value.
    public let absence: Absence
    /// Whether the value is never printed.
    public let isSecret: Bool
    /// One line for `--help`: the meaning and, where there is a choice, how to choose.
    public let help: String
    /// How values are parsed, formatted and described.
    let format: AnyValueFormat
    /// The name that the key had in an earlier version; nil for a key that was never renamed.
    private let formerName: String?

    /// Declares a key. Traps on a malformed name, or a default that the format does not allow.
    fileprivate init(_ name: String, _ format: AnyValueFormat, absence: Absence, isSecret: Bool, help: String, formerName: String? = nil) {
        precondition(Self.isWellFormed(name), "\(name) is not made of lower-case words joined by dots")
        precondition(formerName == nil || !isSecret, "\(name) is secret, and the file of a former name would not be accepted")
        if case .defaultText(let text) = absence {
            precondition(format.parse(.text(text)) != nil, "the default \(text) is not a value that \(name) allows")
        }
        self.name = name
        self.format = format
        self.absence = absence
        self.isSecret = isSecret
        self.help = help
        self.formerName = formerName
    }

    /// The name of the environment variable: `HTTP_PORT` for `http.port`.
    public var environmentName: String {
        name.uppercased().replacing(".", with: "_")
    }

    /// The command-line option with its dashes: `--http-port` for `http.port`.
    public var option: String {
        "--" + optionName
    }

    /// The command-line option without its dashes.
    var optionName: String {
        name.replacing(".", with: "-")
    }

    /// The key of the file with the secret; nil for a key that is not secret.
    public var fileCompanion: AnyConfigurationKey? {
        guard isSecret else { return nil }
        return ConfigurationKey(optional: "\(name).file", .secretFile, help: "A file that holds \(name), and nothing else.")
    }

    /// The key under its former name, with the same values; nil for a key that was never renamed. No help lists it.
    var former: AnyConfigurationKey? {
        formerName.map { AnyConfigurationKey($0, format, absence: .allowed, isSecret: false, help: "The former name of \(name).") }
    }

    private static func isWellFormed(_ name: String) -> Bool {
        let words = name.split(separator: ".", omittingEmptySubsequences: false)
        return words.allSatisfy { word in
            !word.isEmpty
                && word.utf8.allSatisfy {
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                }
        }
    }
}

/// A configuration key whose values have the type `Value`, an optional type if the key may have no value: what `settings[key]` returns.
public final class ConfigurationKey<Value: Sendable>: AnyConfigurationKey, @unchecked Sendable {
    /// Casts a parsed value to the key's type; nil if it has another one.
    private let typed: @Sendable (ParsedValue?) -> Value?

    private init(
        _ name: String,
        _ format: AnyValueFormat,
        absence: Absence,
        isSecret: Bool,
        help: String,
        formerName: String? = nil,
        typed: @escaping @Sendable (ParsedValue?) -> Value?
    ) {
        self.typed = typed
        super.init(name, format, absence: absence, isSecret: isSecret, help: help, formerName: formerName)
    }

    /// Declares a key with a default, as text. Traps on a malformed name, or a default that the format does not allow.
    ///
    /// - Parameter formerName: the name that the key had in an earlier version, which every source still accepts, with a warning.
    public convenience init(
        _ name: String,
        _ format: ValueFormat<Value>,
        default text: String,
        formerName: String? = nil,
        help: String
    ) {
        self.init(name, format.erased, absence: .defaultText(text), isSecret: false, help: help, formerName: formerName) {
            $0?.value as? Value
        }
    }

    /// Declares a key without which the process does not start. Traps on a malformed name.
    public convenience init(required name: String, _ format: ValueFormat<Value>, help: String) {
        self.init(name, format.erased, absence: .refused, isSecret: false, help: help) { $0?.value as? Value }
    }

    /// Declares a key that may have no value. Traps on a malformed name.
    public convenience init<Wrapped>(optional name: String, _ format: ValueFormat<Wrapped>, isSecret: Bool = false, help: String)
    where Value == Wrapped? {
        self.init(name, format.erased, absence: .allowed, isSecret: isSecret, help: help) { parsed in
            guard let parsed else { return .some(nil) }
            return (parsed.value as? Wrapped).map { .some($0) }
        }
    }

    /// Returns the key with another default, for one program.
    public func defaulting(to text: String) -> ConfigurationKey {
        let former = former?.name
        return ConfigurationKey(
            name,
            format,
            absence: .defaultText(text),
            isSecret: isSecret,
            help: help,
            formerName: former,
            typed: typed
        )
    }

    /// Returns a parsed value, or the absence of one, in the key's type. Traps if another key of that name has parsed it.
    func value(_ parsed: ParsedValue?) -> Value {
        guard let value = typed(parsed) else { preconditionFailure("\(name) is read by a key of another type than the schema's") }
        return value
    }
}
