package import Basics
public import HTTPAPI
package import HTTPFront
public import Hummingbird
import HummingbirdCore
package import Logging
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
    private let door: (any ConnectionDoor)?
    private let quick: (any QuickResponder)?
    private let readiness: Readiness
    private let logger: Logger

    /// Creates a listener of `process` that serves `router`. The process is not ready until it listens.
    public init(_ process: ServiceMain, router: Router<APIRequestContext>) {
        self.init(process, router: router, door: nil, quick: nil)
    }

    /// The same, with a way past the router for some requests.
    ///
    /// - Parameters:
    ///   - door: accepts the connections, and serves some of them; nil for none.
    ///   - quick: answers some requests; nil for none. Without a door only.
    package init(
        _ process: ServiceMain,
        router: Router<APIRequestContext>,
        door: (any ConnectionDoor)? = nil,
        quick: (any QuickResponder)? = nil
    ) {
        self.init(
            router: router,
            settings: process.settings,
            budget: process.descriptors,
            door: door,
            quick: quick,
            readiness: process.readiness,
            logger: process.logger
        )
    }

    package init(
        router: Router<APIRequestContext>,
        settings: Settings,
        budget: DescriptorBudget,
        door: (any ConnectionDoor)? = nil,
        quick: (any QuickResponder)? = nil,
        readiness: Readiness,
        logger: Logger
    ) {
        self.responder = LoggingResponder(responder: router.buildResponder(), logLevel: logger.logLevel)
        self.host = settings[.httpHost]
        self.port = settings[.httpPort]
        self.bodyTimeout = settings[.httpBodyTimeout]
        self.budget = budget
        self.door = door
        self.quick = quick
        self.readiness = readiness
        self.logger = logger
        readiness.set(Self.condition, .notReady("not listening yet"))
    }

    /// Listens until the process shuts down.
    ///
    /// - Throws: ``ListenerError`` when the address cannot be used.
    public func run() async throws {
        do {
            if let door { try await self.run(behind: door) } else { try await self.runAlone() }
        } catch let error as IOError {
            throw ListenerError(host: self.host, port: self.port, hostKey: .httpHost, portKey: .httpPort, error: error)
        }
    }

    private func runAlone() async throws {
        let application = Application(
            responder: self.responder,
            server: .listener(bodyTimeout: self.bodyTimeout, budget: self.budget, quick: self.quick),
            configuration: ApplicationConfiguration(
                address: .hostname(self.host, port: self.port),
                backlog: Self.backlog,
                availableConnectionsDelegate: AcceptGate(self.budget)
            ),
            onServerRunning: { channel in self.opened(at: channel.localAddress) },
            logger: self.quietLogger
        )
        try await application.run()
    }

    private func run(behind door: any ConnectionDoor) async throws {
        let server = HandedOverServer(
            responder: self.responder,
            bodyTimeout: self.bodyTimeout,
            budget: self.budget,
            logger: self.quietLogger
        )
        let address = try door.open(host: self.host, port: self.port, backlog: Int32(Self.backlog), budget: self.budget) { server.take($0) }
        self.opened(at: address)
        await server.run(afterClosing: { await door.close() })
    }

    private func opened(at address: SocketAddress?) {
        self.readiness.set(Self.condition, .ready)
        self.logger.info("listening", metadata: [LogKey.address: "\(address?.description ?? "")"])
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
