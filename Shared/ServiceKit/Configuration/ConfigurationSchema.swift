/// The configuration keys of a program: what ``Settings`` accepts, and `--help` and `--print-config` show.
public struct ConfigurationSchema: Sendable {
    /// The program's name.
    public let program: String
    /// The name of the executable: the program's name without a subcommand.
    var executable: String { String(program.prefix { $0 != " " }) }
    /// The version that `--version` prints.
    public let version: String
    /// One line on the program's purpose.
    public let summary: String
    /// The keys in display order.
    public let keys: [AnyConfigurationKey]

    private let keysByName: [String: AnyConfigurationKey]

    /// Declares a program's keys. Traps when two keys share a name, an option or an environment variable.
    public init(program: String, version: String, summary: String, keys: [AnyConfigurationKey]) {
        self.program = program
        self.version = version
        self.summary = summary
        self.keys = keys
        var keysByName: [String: AnyConfigurationKey] = [:]
        for key in keys + keys.compactMap(\.fileCompanion) + keys.compactMap(\.former) {
            precondition(keysByName.updateValue(key, forKey: key.name) == nil, "\(key.name) is declared twice")
        }
        self.keysByName = keysByName
    }

    /// Returns the key of a name, or the ``AnyConfigurationKey/fileCompanion`` or ``AnyConfigurationKey/former`` key of that name.
    func key(named name: String) -> AnyConfigurationKey? {
        keysByName[name]
    }

    /// All names allowed in a file.
    var names: [String] {
        keysByName.keys.sorted()
    }

    /// The keys that are options of the command line, in display order: each key, and the file of each secret.
    var options: [AnyConfigurationKey] {
        keys.flatMap { key in [key, key.fileCompanion].compactMap(\.self) }
    }

    /// The keys under their former names, which are options too, but in no help.
    var formerKeys: [AnyConfigurationKey] {
        keys.compactMap(\.former)
    }
}
