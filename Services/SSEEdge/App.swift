import ArgumentParser
import EdgeRuntime
import EdgeService
import HTTPAPI
import Hummingbird
import ServiceKit

/// `sse-edge`: the notification stream, the execution streams and the long poll. Contract §4, §9, §15.
@main
struct App: ServiceCommand {
    static let schema = ConfigurationSchema(
        program: "sse-edge",
        version: causewayVersion,
        summary: "Delivers each tenant's events to browsers and programs as server-sent events, and by long polling.",
        keys: EdgeProcess.keys(httpPort: 8081, adminPort: 9081, heartbeat: "30s") + [.executionHeartbeatInterval]
    )

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        try await ServiceMain.run(settings) { process in
            try await EdgeProcess(process) { parts, routes in
                let polls = routes.authenticated(by: parts.authenticator, opensStream: true)
                let streams = routes.group().add(middleware: TicketOutageMiddleware(edge: parts.edge))
                    .authenticated(by: parts.authenticator, opensStream: true)
                NotificationStreamRoute(edge: parts.edge, origins: parts.origins)
                    .register(on: streams, door: parts.door, authenticator: parts.authenticator)
                ExecutionStreamRoute(
                    edge: parts.edge,
                    heartbeatInterval: parts.settings[.executionHeartbeatInterval],
                    origins: parts.origins
                ).register(on: streams)
                LongPollRoute(edge: parts.edge, origins: parts.origins)
                    .register(on: polls, door: parts.door, authenticator: parts.authenticator)
                return []
            }.run()
        }
    }
}
