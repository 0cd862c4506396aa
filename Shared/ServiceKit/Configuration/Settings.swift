/// A process's settings. Immutable and validated at creation, so reading cannot fail.
///
/// Precedence: command-line option, environment variable, file named by `--config`, default.
public struct Settings: Sendable {
    struct Entry: Sendable {
        let key: AnyConfigurationKey
        /// The parsed value; nil if the key has none.
        let value: ParsedValue?
        let source: SettingsSource
        /// The key under whose former name the source has the value; nil if it has the present name.
        var formerKey: AnyConfigurationKey?
    }

    /// The declared keys.
    public let schema: ConfigurationSchema
    private let entries: [String: Entry]

    /// Reads and validates every key of the schema, also unused ones.
    ///
    /// - Parameters:
    ///   - options: The values of the command line, by the key's name.
    ///   - configurationFile: The path of the file that `--config` names.
    ///   - environment: The environment; other variables are ignored.
    public init(
        schema: ConfigurationSchema,
        options: [String: String] = [:],
        configurationFile: String? = nil,
        environment: [String: String] = [:]
    ) throws(ConfigurationError) {
        let reading = SettingsReading(
            schema: schema,
            options: options,
            configurationFile: configurationFile,
            environment: environment
        )
        if let error = reading.errors.first { throw error }
        self.init(schema: schema, entries: reading.entries)
    }

    /// Creates settings from the entries of every key of the schema.
    init(schema: ConfigurationSchema, entries: [String: Entry]) {
        self.schema = schema
        self.entries = entries
    }

    /// Returns the value of a key; nil if it may have none and has none. Traps on a key that is not in the schema.
    public subscript<Value>(key: ConfigurationKey<Value>) -> Value {
        key.value(entry(key).value)
    }

    /// Returns the source of a key's value. Traps on a key that is not in the schema.
    public func source(of key: AnyConfigurationKey) -> SettingsSource {
        entry(key).source
    }

    /// Says which settings are given by a former name, and the present one; nil if none is. For one warning at the start.
    var formerNames: String? {
        let renamed = all.compactMap { entry in
            entry.formerKey.map { "\($0.environmentName) is now \(entry.key.environmentName) (\(entry.source))" }
        }
        return renamed.isEmpty ? nil : "settings have former names, which a later version refuses: \(renamed.joined(separator: ", "))"
    }

    /// The entries in the schema's order.
    var all: [Entry] {
        schema.keys.map(entry)
    }

    /// Returns an entry; traps on a key that is not in the schema.
    private func entry(_ key: AnyConfigurationKey) -> Entry {
        guard let entry = entries[key.name] else { preconditionFailure("\(key.name) is not in the schema of \(schema.program)") }
        return entry
    }
}
