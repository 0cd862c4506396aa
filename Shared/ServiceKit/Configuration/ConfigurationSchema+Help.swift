extension ConfigurationSchema {
    /// The part of every `--help` that explains settings.
    package static let settingsHelp = """
        Each setting may be an option, an environment variable (in parentheses), or a key of the file that --config names (http.port for \
        --http-port). The first that is set counts: option, environment, file, default; of an option that is given twice, the last. Durations are \
        written 500ms, 30s, 2m, 1h, 7d; sizes 65536, 256KiB, 10GiB.
        """

    /// Declares the configuration of a subcommand.
    package init(command: String, summary: String, keys: [AnyConfigurationKey]) {
        self.init(program: "\(ProgramName.current) \(command)", version: causewayVersion, summary: summary, keys: keys)
    }

    /// Returns the output of `--version` for the program, or for a subcommand.
    package static func versionText(_ command: String?) -> String {
        "\([ProgramName.current, command].compactMap(\.self).joined(separator: " ")) \(causewayVersion)"
    }
}
