import ArgumentParser
import OperatorCommands
import ServiceKit

/// `event-producer serve`: the HTTP intake as a service, with the command line of the other services.
struct ServeCommand: ServiceCommand {
    static let schema = ConfigurationSchema(
        command: "serve",
        summary: "Accepts events over HTTP: POST /v1/events.",
        keys: .listeners(httpPort: 8085, adminPort: 9085) + .nats + .eventLog + .accessControl + .intake
            + [.corsOrigins, .drainWindow, .quickDoor] + .logging + .tracing
    )

    static let rules: [SettingsRule] = schema.sharedRules + [{ _ = try IntakeLimits($0) }]

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        try await ServiceMain.run(settings) { process in
            try await IntakeProcess(process).run()
        }
    }
}
