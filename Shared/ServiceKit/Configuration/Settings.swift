/// A process's settings. Immutable and validated at creation, so reading cannot fail.
///
/// Precedence: command-line option, environment variable, file named by `--config`, default.
public struct Settings: Sendable {
    struct Entry: Sendable {
        let key: ConfigurationKey
        /// The parsed value; nil if the key has none.
        let value: ConfigurationValue?
        let source: SettingsSource
    }

    /// The declared keys.
    public let schema: ConfigurationSchema
    private let entries: [String: Entry]

    /// Reads and validates every key of the schema, also unused ones.
    ///
    /// - Parameters:
    ///   - arguments: The command line, without the program's name.
    ///   - environment: The environment; other variables are ignored.
    public init(schema: ConfigurationSchema, arguments: [String] = [], environment: [String: String] = [:]) throws(ConfigurationError) {
        try self.init(schema: schema, options: CommandLineOptions(arguments, schema: schema), environment: environment)
    }

    init(schema: ConfigurationSchema, options: CommandLineOptions, environment: [String: String]) throws(ConfigurationError) {
        var layers = [SettingsLayer.options(options.values), .environment(environment)]
        if let path = options.configurationFile {
            layers.append(.file(try ConfigurationFile(path: path, schema: schema)))
        }
        var entries: [String: Entry] = [:]
        for key in schema.keys {
            entries[key.name] = try SettingsResolver(layers: layers).entry(for: key)
        }
        self.schema = schema
        self.entries = entries
    }

    /// Returns the source of a key's value.
    public func source(of key: ConfigurationKey) -> SettingsSource {
        entry(key).source
    }

    /// The entries in the schema's order.
    var all: [Entry] {
        schema.keys.map(entry)
    }

    /// Returns an entry; traps on a key that is not in the schema.
    private func entry(_ key: ConfigurationKey) -> Entry {
        guard let entry = entries[key.name] else { preconditionFailure("\(key.name) is not in the schema of \(schema.program)") }
        return entry
    }

    private func value(_ key: ConfigurationKey) -> ConfigurationValue {
        guard let value = entry(key).value else {
            preconditionFailure("\(key.name) may be absent: ask for it with optionalString or optionalInteger")
        }
        return value
    }

    private func mistyped(_ key: ConfigurationKey) -> Never {
        preconditionFailure("\(key.name) is \(key.kind.allowed), and was asked for as something else")
    }
}

// Traps when the accessor does not match the key's kind, or when an optional key is read with another accessor than `optionalString` and
// `optionalInteger`.
extension Settings {
    /// Returns a text or choice.
    public func string(_ key: ConfigurationKey) -> String {
        guard case .text(let text) = value(key) else { mistyped(key) }
        return text
    }

    /// Returns a text or choice; nil if unset.
    public func optionalString(_ key: ConfigurationKey) -> String? {
        entry(key).value == nil ? nil : string(key)
    }

    /// Returns an integer.
    public func integer(_ key: ConfigurationKey) -> Int {
        guard case .integer(let number) = value(key) else { mistyped(key) }
        return number
    }

    /// Returns an integer; nil if unset.
    public func optionalInteger(_ key: ConfigurationKey) -> Int? {
        entry(key).value == nil ? nil : integer(key)
    }

    /// Returns a number.
    public func number(_ key: ConfigurationKey) -> Double {
        guard case .number(let number) = value(key) else { mistyped(key) }
        return number
    }

    /// Returns a boolean.
    public func boolean(_ key: ConfigurationKey) -> Bool {
        guard case .boolean(let flag) = value(key) else { mistyped(key) }
        return flag
    }

    /// Returns a duration.
    public func duration(_ key: ConfigurationKey) -> Duration {
        guard case .duration(let duration) = value(key) else { mistyped(key) }
        return duration
    }

    /// Returns a size in bytes.
    public func byteSize(_ key: ConfigurationKey) -> Int {
        guard case .byteSize(let bytes) = value(key) else { mistyped(key) }
        return bytes
    }

    /// Returns a list; empty if unset.
    public func list(_ key: ConfigurationKey) -> [String] {
        guard entry(key).value != nil else { return [] }
        guard case .list(let items) = value(key) else { mistyped(key) }
        return items
    }
}
