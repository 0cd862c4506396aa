public import AccessControl
import Basics
public import EdgeRuntime
import EventLog
import Foundation
public import HTTPAPI
import Hummingbird
public import Logging
public import NATSClient
public import ServiceKit
public import ServiceLifecycle

/// Runs an edge as a process: the code that all edges share, from settings to shutdown. Each edge adds its routes, with their encoders.
///
/// Services start in this order and stop in reverse: the admin listener, the log, the answers to surveys, the edge's additional services, the
/// public listener, the drain. So while the drain closes connections, the listener still answers new requests, and the log is still followed for open streams.
public struct EdgeProcess: Sendable {
    /// The components that an edge's routes use.
    public struct Parts: Sendable {
        /// The delivery engine.
        public let edge: Edge
        /// Verifies tokens and redeems tickets.
        public let authenticator: Authenticator
        /// The origins that may use the surface.
        public let origins: OriginPolicy
        /// The routes of the quick door.
        public let door: DoorRoutes
        /// The connection to the bus; possibly not connected yet.
        public let connection: NATSConnection
        /// The process's settings.
        public let settings: Settings
        /// The metrics of `/metrics`.
        public let metrics: PrometheusMetrics
        /// The shares of tenants that the process limits.
        package let shares: TenantShares
        /// The process's logger.
        public let logger: Logger
    }

    private let process: ServiceMain
    private let heartbeat: Duration?
    private let register: Registration

    /// Adds an edge's routes. Returns its additional services; they stop after the last connection has closed.
    public typealias Registration = @Sendable (Parts, RouteTable<APIRequestContext>) throws -> [any Service]

    /// - Parameters:
    ///   - heartbeat: interval of the connection check, on surfaces without the key `heartbeat.interval`.
    ///   - register: adds the edge's routes.
    public init(_ process: ServiceMain, heartbeat: Duration? = nil, register: @escaping Registration) {
        self.process = process
        self.heartbeat = heartbeat
        self.register = register
    }

    /// Returns the keys of every edge; `heartbeat` is the surface's default.
    public static func keys(httpPort: Int, adminPort: Int, heartbeat: String) -> [AnyConfigurationKey] {
        // One array of groups: type-checking a sum of so many arrays takes too long.
        let groups: [[AnyConfigurationKey]] = [
            .listeners(httpPort: httpPort, adminPort: adminPort), .nats, .eventLog, .accessControl, .edge(heartbeat: heartbeat),
            .edgeTuning,
            .logging, .tracing,
        ]
        return groups.flatMap(\.self)
    }

    /// Runs until a signal stops the process.
    ///
    /// - Throws: start errors with a message for operators.
    public func run() async throws {
        let settings = self.process.settings
        let logger = self.process.logger
        let processors = ProcessInfo.processInfo.activeProcessorCount
        let tickets = BusTicketRedeemer(logger: logger)
        // An edge accepts tokens before it has read the revocations, and refuses the streams, as it does while it has no log.
        let authenticator = try await self.process.authenticator(
            refusesUntilRead: false,
            tickets: tickets,
            trustedProxies: try settings.trustedProxies()
        )
        let edge = Edge(
            configuration: EdgeConfiguration(
                settings,
                processorCount: processors,
                streamLimit: self.process.descriptors.streamLimit,
                heartbeat: self.heartbeat
            ),
            revocations: authenticator.revocations,
            verify: authenticator.authenticate,
            logger: logger
        )
        Self.warnOfConnections(beyond: self.process.descriptors.streamLimit, settings, logger)
        self.process.metrics.addCollector { EdgeMetrics.collect(edge.statistics, into: &$0) }
        let connections = ConnectionsRoute(edge: edge, program: settings.schema.program, instance: self.process.instance)
        self.process.adminRoutes.get("connections") { try await connections.respond(to: $0) }
        self.process.shares.add(edge.connectionsUse)
        let parts = Parts(
            edge: edge,
            authenticator: authenticator,
            origins: try settings.originPolicy(),
            door: DoorRoutes(),
            connection: try await self.process.connect(settings.natsConfiguration(name: settings.schema.program)),
            settings: settings,
            metrics: self.process.metrics,
            shares: self.process.shares,
            logger: logger
        )
        let log = LogService(
            connection: parts.connection,
            log: settings.eventLogConfiguration(),
            revocations: self.process.revocationFollower(of: authenticator) { await edge.end($0) },
            tickets: tickets,
            tailBytes: settings[.eventLogTailBytes],
            edge: edge,
            metrics: self.process.metrics,
            readiness: self.process.readiness,
            logger: logger
        )
        let router = Router.api(origins: parts.origins)
        let routes = RouteTable(router)
        let others = try self.register(parts, routes)
        routes.refuseOtherMethods()
        let listener = PublicListener(self.process, router: router, door: parts.door.quickDoor(of: edge, settings, logger))
        let survey = self.process.surveyResponder(on: parts.connection, [.connections: connections.answer])
        try await self.process.run([log, survey] + others + [listener, DrainService(edge: edge)])
    }
}

extension EdgeProcess {
    /// Logs a warning with the remedy if `max.connections` exceeds the number of streams that the open-file limit allows. The lower number
    /// applies.
    static func warnOfConnections(beyond streamLimit: Int, _ settings: Settings, _ logger: Logger) {
        let configured = settings[.maxConnections]
        guard configured > streamLimit else { return }
        logger.warning(
            """
            \(AnyConfigurationKey.maxConnections.environmentName) is more than the open-file limit has room for, so fewer streams are admitted: \
            raise the limit (LimitNOFILE= of systemd, ulimit -n) or set fewer
            """,
            metadata: [LogKey.maximumConnections: "\(configured)", LogKey.possibleConnections: "\(streamLimit)"]
        )
    }
}

/// Waits for the shutdown, then drains the connections.
private struct DrainService: Service {
    let edge: Edge

    func run() async throws {
        try? await gracefulShutdown()
        await self.edge.drain()
    }
}
