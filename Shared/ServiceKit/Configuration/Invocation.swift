/// What a command line asks for.
public enum Invocation: Sendable {
    /// To run with these settings.
    case run(Settings)
    /// To print this text on standard output and end with success: `--help`, `--version`, `--print-config`.
    case print(String)

    /// The options that every program has, besides those of its keys.
    static let generalOptions = ["--config", "--help", "--print-config", "--version"]

    /// Understands a command line (without the program's name) in its environment.
    ///
    /// `--help` and `--version` are answered whatever the configuration; `--print-config` only if a process would start with it.
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
