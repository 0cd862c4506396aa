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

/// An edge as a process: what the three of them share from settings to shutdown. An edge brings its routes, and with them
/// its way of writing.
///
/// Services, in the order in which they start and against which they stop: the admin listener, the log, what the edge adds, the public
/// listener, the drain. So while connections are sent home the listener still answers newcomers, and the log is still
/// followed for those that are still open.
public struct EdgeProcess: Sendable {
    /// What an edge's routes are made with.
    public struct Parts: Sendable {
        /// The delivery engine.
        public let edge: Edge
        /// Verifies tokens.
        public let authenticator: Authenticator
        /// The pages that may use the surface.
        public let origins: OriginPolicy
        /// What the quick door admits.
        public let door: DoorRoutes
        /// The bus; perhaps not there yet.
        public let connection: NATSConnection
        /// The process's settings.
        public let settings: Settings
        /// The metrics of `/metrics`.
        public let metrics: PrometheusMetrics
        /// The process's logger.
        public let logger: Logger
    }

    private let process: ServiceMain
    private let heartbeat: Duration?
    private let register: Registration

    /// Adds an edge's routes. Returns the services it runs besides; they end after the last connection.
    public typealias Registration = @Sendable (Parts, RouteTable<APIRequestContext>) throws -> [any Service]

    /// - Parameters:
    ///   - heartbeat: How often connections are looked after, on surfaces without the key `heartbeat.interval`.
    ///   - register: Adds the edge's routes.
    public init(_ process: ServiceMain, heartbeat: Duration? = nil, register: @escaping Registration) {
        self.process = process
        self.heartbeat = heartbeat
        self.register = register
    }

    /// The keys of every edge; `heartbeat` is the surface's default.
    public static func keys(httpPort: Int, adminPort: Int, heartbeat: String) -> [AnyConfigurationKey] {
        // One array of groups: the compiler takes too long for a sum of so many.
        let groups: [[AnyConfigurationKey]] = [
            .listeners(httpPort: httpPort, adminPort: adminPort), .nats, .eventLog, .accessControl, .edge(heartbeat: heartbeat),
            .edgeTuning,
            .logging,
        ]
        return groups.flatMap(\.self)
    }

    /// Runs until a signal has ended it.
    /// - Throws: start errors with a message for operators.
    public func run() async throws {
        let settings = self.process.settings
        let logger = self.process.logger
        let processors = ProcessInfo.processInfo.activeProcessorCount
        let edge = Edge(
            configuration: EdgeConfiguration(
                settings,
                processorCount: processors,
                streamLimit: self.process.descriptors.streamLimit,
                heartbeat: self.heartbeat
            ),
            logger: logger
        )
        Self.warnOfConnections(beyond: self.process.descriptors.streamLimit, settings, logger)
        self.process.metrics.addCollector { EdgeMetrics.collect(edge.statistics, into: &$0) }
        let parts = Parts(
            edge: edge,
            authenticator: try await self.process.authenticator(),
            origins: try settings.originPolicy(),
            door: DoorRoutes(),
            connection: try await self.process.connect(settings.natsConfiguration(name: settings.schema.program)),
            settings: settings,
            metrics: self.process.metrics,
            logger: logger
        )
        let log = LogService(
            connection: parts.connection,
            log: settings.eventLogConfiguration(),
            tailBytes: settings[.logTailBytes],
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
        try await self.process.run([log] + others + [listener, DrainService(edge: edge)])
    }
}

extension EdgeProcess {
    /// Says what to do when `max.connections` is more than the open-file limit has room for: the limit holds, not the setting.
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

/// Waits for the shutdown and then sends the connections home.
private struct DrainService: Service {
    let edge: Edge

    func run() async throws {
        try? await gracefulShutdown()
        await self.edge.drain()
    }
}
