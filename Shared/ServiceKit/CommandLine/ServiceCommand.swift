package import ArgumentParser

/// The command line of a service: settings, and nothing else.
///
/// ```swift
/// @main
/// struct App: ServiceCommand {
///     static let schema = ConfigurationSchema(program: "sse-edge", …)
///     @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>
///
///     func run() async throws {
///         try await ServiceMain.run(settings) { process in … }
///     }
/// }
/// ```
package protocol ServiceCommand: CommandLineProgram, ConfiguredCommand {}

extension ServiceCommand {
    /// The parser's configuration, from the schema: name, summary, help about settings, version.
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: schema.program.split(separator: " ").last.map(String.init),
            abstract: schema.summary,
            discussion: ConfigurationSchema.settingsHelp,
            version: "\(schema.program) \(schema.version)"
        )
    }

    package static var settingsVisibility: ArgumentVisibility { .default }
}
