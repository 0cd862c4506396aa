import ArgumentParser
import OperatorCommands
import ServiceKit

/// `event-producer serve`: the HTTP intake as a service. All of its command line is settings, `--help` included, as with the other services.
struct ServeCommand: AsyncParsableCommand {
    private static let schema = ConfigurationSchema(
        command: "serve",
        summary: "Accepts events over HTTP: POST /v1/events.",
        keys: .listeners(httpPort: 8085, adminPort: 9085) + .nats + .eventLog + .accessControl + .intake
            + [.corsOrigins, .drainWindow] + .logging
    )

    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Accepts events over HTTP: POST /v1/events."
    )

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var words: [String] = []

    func run() async throws {
        await ServiceMain.run(Self.schema, arguments: words) { process in
            try await IntakeProcess(process).run()
        }
    }
}
