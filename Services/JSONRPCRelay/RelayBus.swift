import Basics
import EdgeRuntime
import EdgeService
import EventModel
import Logging
import ServiceKit
import ServiceLifecycle

/// The relay's use of the bus besides following the log: commands and the census. A service that outlives the connections.
struct RelayBus: Service {
    let commands: CommandBus
    let census: RelayCensus

    /// Subscribes for answers and reports; with the next server, if none is connected.
    init(_ parts: EdgeProcess.Parts) throws {
        var configuration = CommandConfiguration()
        configuration.timeout = parts.settings[RelaySettings.commandTimeout]
        configuration.commandsPerSecondOfTenant = parts.settings[RelaySettings.commandsPerSecond]
        self.commands = try CommandBus(connection: parts.connection, configuration: configuration, logger: parts.logger, makeULID: ULID.now)
        self.census = try RelayCensus(
            connection: parts.connection,
            id: ULID.now(),
            version: causewayVersion,
            region: parts.settings[RelaySettings.region],
            logger: parts.logger,
            connections: { [edge = parts.edge] in edge.connectionCount }
        )
        parts.shares.add(self.commands.use)
        TenantMetrics.observe(self.commands.usage, as: "causeway_relay_tenant_commands", help: "Commands", in: parts.metrics)
        parts.metrics.addCollector { [commands] exposition in
            exposition.gauge("causeway_relay_commands", help: "Commands that wait for their answer.", commands.outstandingCommands)
            let help = "Commands that were refused, because their tenant had used up its share."
            exposition.counter("causeway_relay_refused_commands_total", help: help, commands.refusedCommands)
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.census.run() }
        self.commands.close()
    }
}
