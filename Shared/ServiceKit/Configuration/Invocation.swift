/// The action that a command line requests.
public enum Invocation: Sendable {
    /// Run with these settings.
    case run(Settings)
    /// Print this text to standard output and exit with success: `--help`, `--version`, `--print-config`.
    case print(String)

    /// The options of every program, besides its keys.
    static let generalOptions = ["--config", "--help", "--print-config", "--version"]

    /// Parses a command line (without the program's name) and its environment.
    ///
    /// `--help` and `--version` ignore the configuration; `--print-config` requires a valid one.
    public init(schema: ConfigurationSchema, arguments: [String], environment: [String: String]) throws(ConfigurationError) {
        let options = try CommandLineOptions(arguments, schema: schema)
        if options.printsHelp {
            self = .print(schema.helpText)
        } else if options.printsVersion {
            self = .print("\(schema.program) \(schema.version)\n")
        } else {
            let settings = try Settings(schema: schema, options: options, environment: environment)
            self = options.printsConfiguration ? .print(settings.printed) : .run(settings)
        }
    }
}
