/// Parses a service's command line: `--http-port 8081`, `--http-port=8081`, and the options that every program has.
///
/// Replaces swift-configuration's arguments provider, which ignores unknown options and splits every value at commas.
struct CommandLineOptions {
    /// Values by key; the last one wins.
    var values: [String: String] = [:]
    /// The file named by `--config`.
    var configurationFile: String?
    var printsConfiguration = false
    var printsHelp = false
    var printsVersion = false

    /// Parses `arguments`, without the program's name. Options that are not in `schema` are errors.
    init(_ arguments: [String], schema: ConfigurationSchema) throws(ConfigurationError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let option = parts[0]
            let attached = parts.count == 2 ? parts[1] : nil
            switch option {
            case "--help", "-h": printsHelp = true
            case "--version": printsVersion = true
            case "--print-config": printsConfiguration = true
            case "--config":
                configurationFile = try Self.value(of: option, attached: attached, allowed: "the path of a YAML or JSON file", from: &rest)
            default:
                guard let key = schema.key(forOption: option) else { throw Self.unknown(option, schema: schema) }
                if let bare = key.format.bareOption {
                    values[key.name] = attached ?? bare
                } else {
                    values[key.name] = try Self.value(of: option, attached: attached, allowed: key.format.allowed, from: &rest)
                }
            }
        }
    }

    private static func value(
        of option: String,
        attached: String?,
        allowed: String,
        from rest: inout ArraySlice<String>
    ) throws(ConfigurationError) -> String {
        if let attached { return attached }
        guard let next = rest.first, !next.hasPrefix("--") else { throw .usage("option \(option) needs a value: use \(allowed)") }
        return rest.removeFirst()
    }

    private static func unknown(_ option: String, schema: ConfigurationSchema) -> ConfigurationError {
        // Not shown: it may be a value without its option, and therefore a secret.
        guard option.hasPrefix("-") else {
            return .usage("the command line has a word that belongs to no option: write --option value; --help lists the options")
        }
        let shown = ShownText.unknownName(option, among: schema.options)
        guard let near = Spelling.nearest(to: option, among: schema.options) else {
            return .usage("\(shown) is not an option of \(schema.program): --help lists the options")
        }
        return .usage("\(shown) is not an option of \(schema.program): did you mean \(near)? --help lists the options")
    }
}
