/// A configuration key, with one name for all sources.
///
/// `http.port` is that name in a file, where its words may be nested (`http:` with `port:` below it) or joined by dots; the environment
/// variable is ``environmentName`` (`HTTP_PORT`) and the command-line option ``option`` (`--http-port`).
/// A secret also has a ``fileCompanion``, the file with its value (`…_FILE`), as container platforms mount secrets.
public struct ConfigurationKey: Sendable, Hashable {
    /// What happens without a value.
    public enum Absence: Sendable, Hashable {
        /// The key has this default, as text.
        case defaultText(String)
        /// The key has no value; ``Settings/optionalString(_:)`` and similar return nil.
        case allowed
        /// The process does not start.
        case refused
    }

    /// Lower-case words joined by dots.
    public let name: String
    /// The type of the values.
    public let kind: Kind
    /// What happens without a value.
    public let absence: Absence
    /// Whether the value is never printed.
    public let isSecret: Bool
    /// One line for `--help`: the meaning and, where there is a choice, how to choose.
    public let help: String

    /// Declares a key. Traps on a malformed name, or a default that the kind does not allow.
    public init(_ name: String, _ kind: Kind, absence: Absence, isSecret: Bool = false, help: String) {
        precondition(Self.isWellFormed(name), "\(name) is not made of lower-case words joined by dots")
        if case .defaultText(let text) = absence {
            precondition(kind.parse(.text(text)) != nil, "the default \(text) is not a value that \(name) allows")
        }
        self.name = name
        self.kind = kind
        self.absence = absence
        self.isSecret = isSecret
        self.help = help
    }

    /// Declares a key with a default.
    public init(_ name: String, _ kind: Kind, default text: String, help: String) {
        self.init(name, kind, absence: .defaultText(text), help: help)
    }

    /// Returns the key with another default, for one program.
    public func defaulting(to text: String) -> ConfigurationKey {
        ConfigurationKey(name, kind, absence: .defaultText(text), isSecret: isSecret, help: help)
    }

    /// The name of the environment variable: `HTTP_PORT` for `http.port`.
    public var environmentName: String {
        name.uppercased().replacing(".", with: "_")
    }

    /// The command-line option with its dashes: `--http-port` for `http.port`.
    public var option: String {
        "--" + name.replacing(".", with: "-")
    }

    /// The key of the file with the secret; nil for a key that is not secret.
    public var fileCompanion: ConfigurationKey? {
        guard isSecret else { return nil }
        return ConfigurationKey("\(name).file", .text, absence: .allowed, help: "A file that holds \(name), and nothing else.")
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
