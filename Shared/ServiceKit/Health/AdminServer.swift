import Basics
import HTTPFront
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import ServiceLifecycle

/// The second listener of a process: `/healthz`, `/readyz` and `/metrics`, for the platform it runs on (contract §11). Never reachable through
/// the public port.
///
/// It should be the first of the services that ``ServiceRunner`` runs, so that it is the last one to stop: a draining process still answers.
public struct AdminServer: Service {
    /// Connections that may be open at a time; beyond it the oldest is closed. They are part of ``DescriptorBudget/reserve``.
    static let maxConnections = 32
    /// How long the body of a request, which nobody reads, may take.
    private static let bodyTimeout = Duration.seconds(10)

    private let host: String
    private let port: Int
    private let readiness: Readiness
    private let metrics: PrometheusMetrics
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - onListening: Called once with the port, when requests are accepted.
    public init(
        host: String,
        port: Int,
        readiness: Readiness,
        metrics: PrometheusMetrics,
        logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.host = host
        self.port = port
        self.readiness = readiness
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
    }

    /// As `admin.host` and `admin.port` say.
    public init(settings: Settings, readiness: Readiness, metrics: PrometheusMetrics, logger: Logger) {
        self.init(
            host: settings.string(.adminHost),
            port: settings.integer(.adminPort),
            readiness: readiness,
            metrics: metrics,
            logger: logger
        )
    }

    /// Listens until the process shuts down. Throws ``ListenerError`` if the address cannot be used.
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
            Self.response(.ok, type: MetricsExposition.contentType, Array(metrics.render().utf8))
        }
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
