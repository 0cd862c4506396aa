public import AccessControl
public import EdgeRuntime
import EventLog
import Foundation
public import HTTPAPI
import Hummingbird
import ServiceLifecycle

/// An edge as a process: what the three of them share from settings to shutdown. An edge brings its way of writing and
/// its routes.
///
/// Services, in the order in which they start and against which they stop: the admin listener, the log, the public
/// listener, the drain. So while connections are sent home the listener still answers newcomers, and the log is still
/// followed for those who are not home yet.
public struct EdgeProcess: Sendable {
    /// What an edge's routes are made with.
    public struct Parts: Sendable {
        public let edge: Edge
        public let authenticator: Authenticator
        public let cors: CORSPolicy
    }

    private let process: ServiceMain
    private let form: any WireForm
    private let register: @Sendable (Parts, RouteTable<APIRequestContext>) -> Void

    /// - Parameters:
    ///   - form: How the edge writes.
    ///   - register: Adds the edge's routes.
    public init(
        _ process: ServiceMain,
        form: any WireForm,
        register: @escaping @Sendable (Parts, RouteTable<APIRequestContext>) -> Void
    ) {
        self.process = process
        self.form = form
        self.register = register
    }

    /// The keys of every edge; `heartbeat` is the surface's default.
    public static func keys(httpPort: Int, adminPort: Int, heartbeat: String) -> [ConfigurationKey] {
        .listeners(httpPort: httpPort, adminPort: adminPort) + .nats + .eventLog + .accessControl + .edge(heartbeat: heartbeat) + .edgeTuning
            + .logging
    }

    /// Runs until a signal has ended it.
    /// - Throws: whatever keeps it from starting, as a sentence.
    public func run() async throws {
        let settings = self.process.settings
        let logger = self.process.logger
        let edge = Edge(
            configuration: EdgeConfiguration(settings, processorCount: ProcessInfo.processInfo.activeProcessorCount),
            form: self.form,
            logger: logger
        )
        self.process.metrics.addCollector { EdgeMetrics.collect(edge.statistics, into: &$0) }
        let parts = Parts(
            edge: edge,
            authenticator: try await Authenticator(configuration: settings.accessControlConfiguration(), logger: logger),
            cors: try CORSPolicy(allowedOrigins: settings.list(.corsOrigins))
        )
        let log = LogService(
            nats: try settings.natsConfiguration(name: settings.schema.program),
            log: settings.eventLogConfiguration(),
            tailBytes: settings.byteSize(.logTailBytes),
            edge: edge,
            readiness: self.process.readiness,
            logger: logger
        )
        try await self.process.run([log, self.publicListener(parts), DrainService(edge: edge)])
    }

    private func publicListener(_ parts: Parts) -> PublicListener {
        let router = Router.api(cors: parts.cors)
        let routes = RouteTable(router)
        self.register(parts, routes)
        routes.refuseOtherMethods()
        return PublicListener(router: router, settings: self.process.settings, logger: self.process.logger)
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
