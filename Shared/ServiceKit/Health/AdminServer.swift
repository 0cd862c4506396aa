import Basics
import HTTPFront
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import ServiceLifecycle

/// Serves `/healthz`, `/readyz`, `/metrics` and the process's ``AdminRoutes`` on a second listener, for the platform and its operators (contract §11). Never reachable through the public port.
///
/// Run it first in ``ServiceRunner``, so that it stops last: a draining process still answers.
public struct AdminServer: Service {
    /// Maximum number of connections; beyond it the oldest is closed. Part of ``DescriptorBudget/reserve``.
    static let maxConnections = 32
    /// Time limit for request bodies, which are ignored.
    private static let bodyTimeout = Duration.seconds(10)

    private let host: String
    private let port: Int
    private let readiness: Readiness
    private let metrics: PrometheusMetrics
    private let routes: AdminRoutes
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - port: The port; 0 for any free one.
    ///   - routes: Routes besides those of every process.
    ///   - onListening: Called once with the port, when listening.
    public init(
        host: String,
        port: Int,
        readiness: Readiness,
        metrics: PrometheusMetrics,
        routes: AdminRoutes = AdminRoutes(),
        logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.readiness = readiness
        self.metrics = metrics
        self.routes = routes
        self.logger = logger
        self.onListening = onListening
    }

    /// Creates a server from `admin.host` and `admin.port`.
    public init(settings: Settings, readiness: Readiness, metrics: PrometheusMetrics, routes: AdminRoutes, logger: Logger) {
        self.init(
            host: settings[.adminHost],
            port: settings[.adminPort],
            readiness: readiness,
            metrics: metrics,
            routes: routes,
            logger: logger
        )
    }

    /// Serves until the process shuts down. Throws ``ListenerError`` if the address is unusable.
    public func run() async throws {
        let budget = DescriptorBudget { Self.maxConnections }
        let application = Application(
            router: router(),
            server: .listener(bodyTimeout: Self.bodyTimeout, budget: budget),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                availableConnectionsDelegate: AcceptGate(budget)
            ),
            onServerRunning: { [onListening] channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: logger
        )
        do {
            try await application.run()
        } catch let error as IOError {
            throw ListenerError(host: host, port: port, hostKey: .adminHost, portKey: .adminPort, error: error)
        }
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.get("healthz") { _, _ in
            Self.response(.ok, type: "application/json", Array("{\"status\":\"ok\"}\n".utf8))
        }
        router.get("readyz") { [readiness] _, _ in
            let report = readiness.report
            return Self.response(report.isReady ? .ok : .serviceUnavailable, type: "application/json", report.json)
        }
        router.get("metrics") { [metrics] _, _ in
            // It reads files and lists descriptors: not on the event loop, which serves other listeners too.
            let text = await withTaskExecutorPreference(globalConcurrentExecutor) { metrics.render() }
            return Self.response(.ok, type: MetricsExposition.contentType, Array(text.utf8))
        }
        routes.register(on: router)
        return router
    }

    private static func response(_ status: HTTPResponse.Status, type: String, _ body: [UInt8]) -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        )
    }
}
