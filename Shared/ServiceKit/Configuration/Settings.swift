/// What one process was configured with. Immutable; every value was checked when it was made, so reading cannot fail.
///
/// The first source that says something about a key decides: command-line option, environment variable, file named by `--config`, default.
public struct Settings: Sendable {
    struct Entry: Sendable {
        let key: ConfigurationKey
        /// Nil if the key has no value.
        let value: ConfigurationValue?
        let source: SettingsSource
    }

    /// What can be configured.
    public let schema: ConfigurationSchema
    private let entries: [String: Entry]

    /// Gathers the settings of a process. Every key of the schema is read and checked, also those nobody may ask for.
    ///
    /// - Parameters:
    ///   - arguments: The command line without the program's name.
    ///   - environment: The environment; variables that belong to no key are of no interest.
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

    /// Where the value of a key came from.
    public func source(of key: ConfigurationKey) -> SettingsSource {
        entry(key).source
    }

    /// The entries in the schema's order.
    var all: [Entry] {
        schema.keys.map(entry)
    }

    /// Asking for a key that the schema does not have is a mistake of the program, and traps.
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

// Asking for a key as something that its kind is not is a mistake of the program, and traps; so is asking for the value of a key that may be absent
// by anything but `optionalString` and `optionalInteger`.
extension Settings {
    /// The value of a text or of a choice.
    public func string(_ key: ConfigurationKey) -> String {
        guard case .text(let text) = value(key) else { mistyped(key) }
        return text
    }

    /// The value of a text or of a choice, nil if there is none.
    public func optionalString(_ key: ConfigurationKey) -> String? {
        entry(key).value == nil ? nil : string(key)
    }

    /// The value of a whole number.
    public func integer(_ key: ConfigurationKey) -> Int {
        guard case .integer(let number) = value(key) else { mistyped(key) }
        return number
    }

    /// The value of a whole number, nil if there is none.
    public func optionalInteger(_ key: ConfigurationKey) -> Int? {
        entry(key).value == nil ? nil : integer(key)
    }

    /// The value of a number.
    public func number(_ key: ConfigurationKey) -> Double {
        guard case .number(let number) = value(key) else { mistyped(key) }
        return number
    }

    /// The value of a switch.
    public func boolean(_ key: ConfigurationKey) -> Bool {
        guard case .boolean(let flag) = value(key) else { mistyped(key) }
        return flag
    }

    /// The value of a length of time.
    public func duration(_ key: ConfigurationKey) -> Duration {
        guard case .duration(let duration) = value(key) else { mistyped(key) }
        return duration
    }

    /// The value of a number of bytes.
    public func byteSize(_ key: ConfigurationKey) -> Int {
        guard case .byteSize(let bytes) = value(key) else { mistyped(key) }
        return bytes
    }

    /// The items of a list; empty if there are none.
    public func list(_ key: ConfigurationKey) -> [String] {
        guard entry(key).value != nil else { return [] }
        guard case .list(let items) = value(key) else { mistyped(key) }
        return items
    }
}
