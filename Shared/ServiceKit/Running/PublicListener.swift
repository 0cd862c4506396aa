import Basics
public import HTTPAPI
import HTTPFront
public import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
public import ServiceLifecycle

/// Serves a process's HTTP surface on `http.host` and `http.port`.
public struct PublicListener: Service {
    /// Connections that the kernel queues until they are accepted. Large, because many clients may reconnect at once.
    private static let backlog = 4096
    /// The name of its condition in `/readyz`.
    private static let condition = "listener"

    private let responder: LoggingResponder
    private let host: String
    private let port: Int
    private let bodyTimeout: Duration
    private let budget: DescriptorBudget
    private let readiness: Readiness
    private let logger: Logger

    /// Creates a listener of `process` that serves `router`. The process is not ready until it listens.
    public init(_ process: ServiceMain, router: Router<APIRequestContext>) {
        self.init(
            router: router,
            settings: process.settings,
            budget: process.descriptors,
            readiness: process.readiness,
            logger: process.logger
        )
    }

    init(router: Router<APIRequestContext>, settings: Settings, budget: DescriptorBudget, readiness: Readiness, logger: Logger) {
        self.responder = LoggingResponder(responder: router.buildResponder(), logLevel: logger.logLevel)
        self.host = settings.string(.httpHost)
        self.port = settings.integer(.httpPort)
        self.bodyTimeout = settings.duration(.httpBodyTimeout)
        self.budget = budget
        self.readiness = readiness
        self.logger = logger
        readiness.set(Self.condition, .notReady("not listening yet"))
    }

    /// Listens until the process shuts down.
    ///
    /// - Throws: ``ListenerError`` when the address cannot be used.
    public func run() async throws {
        let logger = self.logger
        let application = Application(
            responder: self.responder,
            server: .listener(bodyTimeout: self.bodyTimeout, budget: self.budget),
            configuration: ApplicationConfiguration(
                address: .hostname(self.host, port: self.port),
                backlog: Self.backlog,
                availableConnectionsDelegate: AcceptGate(self.budget)
            ),
            onServerRunning: { [readiness] channel in
                readiness.set(Self.condition, .ready)
                logger.info("listening", metadata: [LogKey.address: "\(channel.localAddress?.description ?? "")"])
            },
            logger: self.quietLogger
        )
        do {
            try await application.run()
        } catch let error as IOError {
            throw ListenerError(host: self.host, port: self.port, hostKey: .httpHost, portKey: .httpPort, error: error)
        }
    }

    /// Drops the framework's own lines below `warning`, unless the process logs at `debug`: the framework reports a connection that was handed over to a
    /// delivery loop as broken. Requests are still logged at the process's level (``LoggingResponder``).
    private var quietLogger: Logger {
        var logger = self.logger
        if logger.logLevel > .debug { logger.logLevel = max(logger.logLevel, .warning) }
        return logger
    }
}

/// Sets the process's log level on the logger of each request, which the framework creates.
private struct LoggingResponder: HTTPResponder {
    let responder: RouterResponder<APIRequestContext>
    let logLevel: Logger.Level

    func respond(to request: Request, context: APIRequestContext) async throws -> Response {
        var context = context
        context.logger.logLevel = self.logLevel
        return try await self.responder.respond(to: request, context: context)
    }
}
