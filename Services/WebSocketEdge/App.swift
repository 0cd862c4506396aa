import ArgumentParser
import EdgeRuntime
import EdgeService
import HTTPAPI
import ServiceKit

/// `websocket-edge`: the workspace stream. Contract §5.
@main
struct App: ServiceCommand {
    static let schema = ConfigurationSchema(
        program: "websocket-edge",
        version: causewayVersion,
        summary: "Delivers each tenant's events to browsers and programs over WebSockets.",
        keys: EdgeProcess.keys(httpPort: 4000, adminPort: 9082, heartbeat: "5s") + [.webSocketCompression]
    )

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        try await ServiceMain.run(settings) { process in
            try await EdgeProcess(process) { parts, routes in
                WorkspaceStreamRoute(edge: parts.edge, front: WebSocketFront(parts), logger: parts.logger)
                    .register(on: routes, door: parts.door)
                return []
            }.run()
        }
    }
}
