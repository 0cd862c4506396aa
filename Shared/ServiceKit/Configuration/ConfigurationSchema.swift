/// Everything that can be configured in one program: what ``Settings`` accepts, and what `--help` and `--print-config` show.
public struct ConfigurationSchema: Sendable {
    /// The name of the program, as it is called.
    public let program: String
    /// What `--version` prints behind the name.
    public let version: String
    /// One line that says what the program is for.
    public let summary: String
    /// The keys in the order in which they are shown.
    public let keys: [ConfigurationKey]

    private let keysByName: [String: ConfigurationKey]

    /// Declares a program's configuration. Two keys that share a name, an option or an environment variable are a mistake of the program, and trap.
    public init(program: String, version: String, summary: String, keys: [ConfigurationKey]) {
        self.program = program
        self.version = version
        self.summary = summary
        self.keys = keys
        var keysByName: [String: ConfigurationKey] = [:]
        for key in keys + keys.compactMap(\.fileCompanion) {
            precondition(keysByName.updateValue(key, forKey: key.name) == nil, "\(key.name) is declared twice")
        }
        self.keysByName = keysByName
    }

    /// The key of that name, be it declared or the ``ConfigurationKey/fileCompanion`` of a declared one.
    func key(named name: String) -> ConfigurationKey? {
        keysByName[name]
    }

    /// The key behind an option as it was written (`--http-port`).
    func key(forOption option: String) -> ConfigurationKey? {
        guard option.hasPrefix("--"), let key = keysByName[String(option.dropFirst(2).replacing("-", with: "."))] else { return nil }
        return key.option == option ? key : nil
    }

    /// Every name a file may contain.
    var names: [String] {
        keysByName.keys.sorted()
    }

    /// Every option, those of the schema and those that each program has.
    var options: [String] {
        keysByName.values.map(\.option).sorted() + Invocation.generalOptions
    }
}
