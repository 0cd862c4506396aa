package import Basics
public import HTTPAPI
package import HTTPFront
public import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
public import ServiceLifecycle

/// The listener of a process' HTTP surface, as `http.host` and `http.port` say.
public struct PublicListener: Service {
    /// Connections that the kernel holds until they are accepted: a fleet that reconnects comes at once.
    private static let backlog = 4096
    /// What `/readyz` calls it.
    private static let condition = "listener"

    private let responder: LoggingResponder
    private let host: String
    private let port: Int
    private let bodyTimeout: Duration
    private let budget: DescriptorBudget
    private let door: (any ConnectionDoor)?
    private let readiness: Readiness
    private let logger: Logger

    /// A listener of `process` that will answer with `router`. The process is not ready before it listens.
    public init(_ process: ServiceMain, router: Router<APIRequestContext>) {
        self.init(process, router: router, door: nil)
    }

    /// The same, behind a door that accepts the connections and serves some of them; nil for none.
    package init(_ process: ServiceMain, router: Router<APIRequestContext>, door: (any ConnectionDoor)?) {
        self.init(
            router: router,
            settings: process.settings,
            budget: process.descriptors,
            door: door,
            readiness: process.readiness,
            logger: process.logger
        )
    }

    package init(
        router: Router<APIRequestContext>,
        settings: Settings,
        budget: DescriptorBudget,
        door: (any ConnectionDoor)? = nil,
        readiness: Readiness,
        logger: Logger
    ) {
        self.responder = LoggingResponder(responder: router.buildResponder(), logLevel: logger.logLevel)
        self.host = settings.string(.httpHost)
        self.port = settings.integer(.httpPort)
        self.bodyTimeout = settings.duration(.httpBodyTimeout)
        self.budget = budget
        self.door = door
        self.readiness = readiness
        self.logger = logger
        readiness.set(Self.condition, .notReady("does not listen yet"))
    }

    /// Listens until the process shuts down.
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
            server: .listener(bodyTimeout: self.bodyTimeout, budget: self.budget),
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

    /// The framework's own lines are for those who debug it: it takes a connection that left for a delivery loop for one that broke. Requests
    /// are logged at the level of the process nevertheless (``LoggingResponder``).
    private var quietLogger: Logger {
        var logger = self.logger
        if logger.logLevel > .debug { logger.logLevel = max(logger.logLevel, .warning) }
        return logger
    }
}

/// Gives the logger of every request, which the framework makes of its own, the level of the process.
private struct LoggingResponder: HTTPResponder {
    let responder: RouterResponder<APIRequestContext>
    let logLevel: Logger.Level

    func respond(to request: Request, context: APIRequestContext) async throws -> Response {
        var context = context
        context.logger.logLevel = self.logLevel
        return try await self.responder.respond(to: request, context: context)
    }
}
