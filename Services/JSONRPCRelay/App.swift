import ArgumentParser
import EdgeRuntime
import EdgeService
import HTTPAPI
import ServiceKit

/// `jsonrpc-relay`: incidents to subscribe to, and commands to agents, over JSON-RPC 2.0. Contract §6.
@main
struct App: ServiceCommand {
    static let schema = ConfigurationSchema(
        program: "jsonrpc-relay",
        version: causewayVersion,
        summary:
            "Delivers what happens in single incidents to those who subscribe, and carries their commands to agents, over JSON-RPC 2.0.",
        keys: RelaySettings.keys(httpPort: 8083, adminPort: 9083)
    )

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        try await ServiceMain.run(settings) { process in
            try await EdgeProcess(process, heartbeat: RelaySettings.lookInterval(process.settings)) { parts, routes in
                let bus = try RelayBus(parts)
                RelayRoute(
                    edge: parts.edge,
                    front: WebSocketFront(parts),
                    bus: bus.commands,
                    rules: RelaySettings.rules(parts.settings)
                )
                .register(on: routes, door: parts.door)
                RelayStatusRoute(census: bus.census).register(on: routes.authenticated(by: parts.authenticator, anyOf: RelayRoute.roles))
                return [bus]
            }.run()
        }
    }
}
