package import ArgumentParser
import FoundationEssentials
import ServiceKit

/// `causeway config`: what a service makes of its settings.
package struct ConfigCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks the settings of a service.",
        version: ConfigurationSchema.versionText("config"),
        subcommands: [CheckConfigurationCommand.self]
    )

    package init() {}
}

/// `causeway config check`: has a service check its settings, without starting it.
///
/// The service's own program checks them (`--check-config`), so its keys and rules are those of the version that is installed.
struct CheckConfigurationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks the settings of a service without starting it, and says what to do about each mistake.",
        usage: """
            \(ProgramName.current) config check sse-edge
            \(ProgramName.current) config check approval-api --env-file /etc/causeway/approval-api.env
            \(ProgramName.current) config check event-producer --config causeway.yaml
            """,
        discussion: """
            Reads the environment, or the variables of --env-file in its place, and the files that the settings name. A line for each error \
            (the service does not start) and each warning (a variable that looks misspelt, a file with a secret that other users can read). \
            Sends nothing, and shows no secret. The program of the service, which must be beside \(ProgramName.current) or on PATH, does the \
            check; run where that is not installed, use the program's option --check-config in its place.

            Exit codes: 0 when the settings are valid; 1 with warnings alone; 64 for a mistake on the command line; 69 when the service's \
            program is not installed; 78 with an error, or when --env-file cannot be used.
            """,
        version: ConfigurationSchema.versionText("config check")
    )

    private static let names = ServiceProgram.all.map(\.name)
    /// The variables that the program itself needs, not its settings.
    private static let inherited = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"]

    @Argument(
        help: ArgumentHelp("The service: \(names.joined(separator: ", ")).", valueName: "service"),
        completion: .list(names)
    )
    var service: String

    @Option(
        help: ArgumentHelp(
            "A file with lines NAME=value, as systemd and containers read it: the service's whole environment.",
            valueName: "file"
        ),
        completion: .file()
    )
    var envFile: String?

    @Option(help: ArgumentHelp("The YAML or JSON file that the service gets with --config.", valueName: "file"), completion: .file())
    var config: String?

    func validate() throws {
        guard !Self.names.contains(service) else { return }
        // The word is not repeated: it may be a secret.
        let near = Spelling.nearest(to: service, among: Self.names).map { "did you mean \($0)?" }
        throw ArgumentParser.ValidationError(
            "that is not the name of a service: \(near ?? "use one of \(Self.names.joined(separator: ", "))")"
        )
    }

    func run() throws {
        guard let program = ServiceProgram.all.first(where: { $0.name == service }) else { return }
        let own = ProcessInfo.processInfo.environment
        var environment = own
        if let envFile {
            do throws(EnvironmentFile.Mistake) {
                environment = try EnvironmentFile.read(envFile).variables
            } catch {
                throw Exit.because(error.sentence, Exit.configuration)
            }
            for name in Self.inherited where environment[name] == nil { environment[name] = own[name] }
        }
        guard let path = program.path(searchPath: own["PATH"] ?? "") else {
            throw Exit.because(
                "\(service) is neither beside \(ProgramName.current) nor on PATH: where it is installed, run it with --check-config",
                Exit.unavailable
            )
        }
        let arguments = program.arguments + ["--check-config"] + (config.map { ["--config", $0] } ?? [])
        let failure = ServiceProgram.execute(path, arguments, environment: environment)
        throw Exit.because("\(path) cannot be run: \(failure)", Exit.unavailable)
    }
}
