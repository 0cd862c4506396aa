extension ConfigurationSchema {
    /// The text of `--help`.
    public var helpText: String {
        var text = """
            \(program) \(version)
            \(summary)

            Usage: \(program) [--config FILE] [--option value …]

            Each option may also be an environment variable (in parentheses) or a key in the file (http.port for --http-port).
            The first that is set counts: option, environment, file, default. Durations are written 500ms, 30s, 2m, 1h, 7d; sizes 65536, 256KiB,
            10GiB. A secret may be in a file of its own: add -file to the option or _FILE to the variable.


            """
        for key in keys {
            text += Self.entry("\(key.option) \(key.format.placeholder)", "\(key.help) (\(key.environmentName)\(Self.absence(of: key)))")
        }
        text += "\n"
        text += Self.entry("--config FILE", "Read settings from a YAML or JSON file.")
        text += Self.entry("--print-config", "Print every setting and where it came from, and end.")
        text += Self.entry("--version", "Print the version, and end.")
        text += Self.entry("--help", "Print this text, and end.")
        return text
    }

    private static func absence(of key: AnyConfigurationKey) -> String {
        switch key.absence {
        case .defaultText(let text): text.isEmpty ? "" : ", default \(text)"
        case .allowed: ""
        case .refused: ", required"
        }
    }

    private static func entry(_ option: String, _ help: String) -> String {
        "  \(option)\n        \(help)\n"
    }
}
