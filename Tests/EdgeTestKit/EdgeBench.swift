public import AccessControl
public import Basics
public import CausewayProducer
public import EdgeRuntime
public import EventLog
public import EventModel
import FoundationEssentials
import Glibc
public import HTTPAPI
public import Hummingbird
public import Logging
public import NATSClient
public import ServiceLifecycle
import Synchronization
public import TestKit

/// An edge over a real nats-server, with its listener on a free loopback port. Clients see the same bytes as from the program.
///
/// The edge's clock stands still until a test sets it. Events published by the test have the intake time ``now``.
public final class EdgeBench: Sendable {
    /// The intake time of every event, and the initial time of the edge's clock.
    public static let now = Timestamp(millisecondsSinceEpoch: 1_700_000_000_000)
    private static let secret = "a secret that is long enough for HS256"

    /// The bus.
    public let server: NATSServer
    /// The connection to the bus, shared with the edge.
    public let connection: NATSConnection
    /// Publishes the events that the edge delivers.
    public let producer: EventProducer
    /// The log.
    public let log: EventLog
    /// The log as the edge reads it.
    public let gate: GatedLog
    /// The edge under test.
    public let edge: Edge
    /// Verifies tokens with a shared secret, as a service does.
    public let authenticator: Authenticator
    /// The tickets that ``authenticator`` accepts.
    public let tickets = PreparedTickets()
    /// A logger without output.
    public let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let clock: Clock
    /// The edge's tail of the log; nil until it follows the log.
    private let followed = Mutex<LogTail?>(nil)

    private final class Clock: Sendable {
        let seconds = Mutex(EdgeBench.now)
    }

    /// Starts a nats-server with a log.
    ///
    /// - Parameters:
    ///   - trustedProxies: the proxies that tell ``authenticator`` who sent a ticket.
    ///   - configure: changes the edge's configuration. By default heartbeats come once an hour, all in the last tick.
    public init(trustedProxies: TrustedProxies = .none, _ configure: (inout EdgeConfiguration) -> Void = { _ in }) async throws {
        // As in a service's process: a write to a closed connection fails with EPIPE instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        let quiet = logger
        server = try await NATSServer()
        var settings = ProducerConfiguration(timeout: .seconds(20))
        settings.nats.servers = [server.url]
        settings.nats.reconnectWait = .milliseconds(20)
        settings.nats.reconnectJitter = .milliseconds(1)
        settings.log.maxBytes = 1 << 30
        settings.log.requestTimeout = .seconds(10)
        connection = try await NATSConnection.connect(settings.nats, logger: quiet)
        producer = EventProducer(connection: connection, configuration: settings, logger: quiet, now: { Self.now })
        log = try await producer.ready()
        gate = GatedLog(log)
        let clock = Clock()
        self.clock = clock
        var configuration = EdgeConfiguration()
        configuration.heartbeatInterval = .seconds(3600)
        configuration.heartbeatPhase = { $0.upperBound - 1 }
        configuration.drainWindow = .milliseconds(50)
        configuration.linger = .milliseconds(200)
        configuration.standingPatience = .zero
        configuration.wallClock = { clock.seconds.withLock { $0 } }
        configure(&configuration)
        authenticator = try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: Self.secret),
            tickets: tickets,
            trustedProxies: trustedProxies,
            logger: quiet
        )
        edge = Edge(
            configuration: configuration,
            revocations: authenticator.revocations,
            verify: authenticator.authenticate,
            logger: quiet
        )
    }

    /// Sets the edge's clock.
    public func setClock(_ time: Timestamp) { clock.seconds.withLock { $0 = time } }

    /// Returns a token that ``authenticator`` accepts for ten minutes of real time.
    public func token(
        tenant: String = "acme",
        user: String = "ann",
        roles: Set<Role> = [.member],
        expiresIn seconds: Int64 = 600,
        tokenID: String? = nil,
        issuedAt: Int64? = nil
    ) async throws -> String {
        let expiry = Int64(Date().timeIntervalSince1970) + seconds
        var claims = TokenMinter.Claims(subject: user, tenant: tenant, roles: roles, expiresAt: expiry)
        claims.tokenID = tokenID
        claims.issuedAt = issuedAt
        return try TokenMinter(secret: Self.secret).mint(claims)
    }

    /// Revokes tokens, as a process's follower does when a revocation arrives.
    public func revoke(_ target: Revocation.Target, tenant: String = "acme") async throws {
        let revocation = Revocation(tenant: try Tenant(tenant), target: target, expiresAt: .max)
        authenticator.revocations.add(revocation)
        await edge.end(revocation)
    }

    /// Publishes an event with the time ``now`` + 1 s. If the edge follows the log, waits until it has the event. Returns the cursor.
    @discardableResult
    public func publish(
        _ type: String = "incident.created",
        tenant: String = "acme",
        user: String? = nil,
        _ payload: String = #"{"incidentId":"i"}"#
    ) async throws -> Cursor {
        let payload = try Payload(validating: Array(payload.utf8))
        let time = Timestamp(millisecondsSinceEpoch: Self.now.millisecondsSinceEpoch + 1000)
        let cursor =
            if let user {
                try await producer.publishUser(type, tenant: tenant, user: user, payload: payload, time: time).cursor
            } else {
                try await producer.publish(type, tenant: tenant, payload: payload, time: time).cursor
            }
        if let tail = followed.withLock({ $0 }), edge.isFollowing { _ = await eventually { tail.position >= cursor.sequence } }
        return cursor
    }

    /// Returns the cursor with that sequence.
    public func cursor(_ sequence: UInt64) -> Cursor { Cursor(time: Self.now, epoch: log.epoch, sequence: sequence) }

    /// Deletes the log's entries before `first`.
    public func purge(before first: UInt64) async throws {
        let answer = try await connection.request(subject: "$JS.API.STREAM.PURGE.EVENTS", payload: Array(#"{"seq":\#(first)}"#.utf8))
        guard String(decoding: answer.payload, as: UTF8.self).contains(#""success":true"#) else {
            throw TestKitError("The log cannot be purged.")
        }
    }

    /// Runs the edge and its listener for as long as `body` runs.
    ///
    /// - Parameters:
    ///   - origins: the allowed origins.
    ///   - followsLog: whether the edge follows the log.
    ///   - listener: creates the listener; its log line `listening` has the port.
    ///   - register: adds the edge's routes.
    ///   - body: receives the port.
    public func serve(
        origins: OriginPolicy = .own,
        followsLog: Bool = true,
        listener: (Router<APIRequestContext>, Logger) throws -> any Service,
        register: (RouteTable<APIRequestContext>) throws -> Void,
        _ body: @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        let router = Router.api(origins: origins)
        let routes = RouteTable(router)
        try register(routes)
        routes.refuseOtherMethods()
        let (ports, opened) = AsyncStream.makeStream(of: Int.self)
        let service = try listener(router, Logger(label: "test") { _ in PortHandler(opened: opened) })
        var feed: LogFeed?
        if followsLog {
            let fanout = Fanout(epoch: log.epoch, pageBytes: 1 << 20)
            let following = LogFeed(log: log, tailBytes: 1 << 20, observer: fanout, logger: logger)
            try edge.begin(log: gate, feed: following, fanout: fanout)
            feed = following
            followed.withLock { $0 = following.tail }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let feed { group.addTask { try await feed.run() } }
            group.addTask { try await service.run() }
            guard let port = await ports.first(where: { _ in true }) else { throw TestKitError("The listener does not listen.") }
            guard await eventually({ !followsLog || edge.isFollowing }) else { throw TestKitError("The log is not followed.") }
            let failure: (any Error)?
            do {
                try await body(port)
                failure = nil
            } catch {
                failure = error
            }
            group.cancelAll()
            // Ignore the results of cancelled tasks.
            while let result = await group.nextResult() { _ = result }
            // Close while the server runs: without one, the final flush of a connection blocks the tests that run concurrently.
            await producer.close()
            await connection.close()
            if let failure { throw failure }
        }
    }
}

/// Gets the port from a listener's log line.
private struct PortHandler: LogHandler {
    let opened: AsyncStream<Int>.Continuation
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(opened: AsyncStream<Int>.Continuation) {
        self.opened = opened
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        guard "\(event.message)" == "listening", let address = event.metadata?["address"] else { return }
        if let port = "\(address)".split(separator: ":").last.flatMap({ Int($0) }) { opened.yield(port) }
    }
}
