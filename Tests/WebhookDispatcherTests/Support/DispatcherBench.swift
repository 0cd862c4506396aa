import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import Synchronization
import TestKit

@testable import Webhooks
@testable import webhook_dispatcher

/// A real nats-server, the log and the endpoints on it, and dispatchers whose memberships and receivers are the test's.
final class DispatcherBench: Sendable {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    static let patience: Duration = .seconds(60)

    let server: NATSServer
    let connection: NATSConnection
    let log: EventLog
    let store: EndpointStore
    let clock: SettableClock
    let receiver = FakeReceiver()

    /// - Parameter time: what the dispatchers' and the store's clock shows.
    init(at time: Timestamp = DeliveryFixture.time) async throws {
        clock = SettableClock(time)
        server = try await NATSServer()
        connection = try await Self.connect(to: server)
        log = try await Self.open(connection)
        store = EndpointStore(beside: log, now: clock.now)
    }

    private static func connect(to server: NATSServer) async throws -> NATSConnection {
        // The server may stand still for seconds while the machine writes to its disk.
        let bus = NATSConfiguration(
            servers: [server.url],
            reconnectWait: .milliseconds(20),
            reconnectJitter: .milliseconds(1),
            pingInterval: .seconds(15),
            sendAsap: true
        )
        return try await NATSConnection.connect(bus, logger: logger)
    }

    private static func open(_ connection: NATSConnection) async throws -> EventLog {
        var configuration = EventLogConfiguration()
        configuration.maxBytes = 1 << 30
        configuration.requestTimeout = .seconds(10)
        return try await EventLog.open(on: connection, configuration: configuration, logger: logger)
    }

    // MARK: The log

    /// Appends numbered events of a tenant.
    @discardableResult
    func append(
        _ numbers: ClosedRange<Int>,
        of tenant: Tenant = "acme",
        type: String = "incident.opened",
        intake: Timestamp = DeliveryFixture.time
    ) async throws -> [Cursor] {
        let events = try numbers.map { number in
            Event(
                id: EventID(generated: "\(tenant)-\(number)"),
                tenant: tenant,
                type: try EventType(type),
                time: DeliveryFixture.time,
                payload: try Payload(validating: Array("{\"n\":\(number)}".utf8))
            )
        }
        return try await log.append(contentsOf: events, intake: intake, timeout: Self.patience).map(\.cursor)
    }

    /// Drops all that is older than `first`.
    func purge(before first: UInt64) async throws {
        let subject = "$JS.API.STREAM.PURGE.\(log.configuration.streamName)"
        let answer = try await connection.request(subject: subject, payload: Array(#"{"seq":\#(first)}"#.utf8))
        guard String(decoding: answer.payload, as: UTF8.self).contains(#""success":true"#) else { throw TestKitError("not purged") }
    }

    /// The events of a type that the log has.
    func events(_ type: String, of tenant: Tenant = "acme") async throws -> [Event] {
        let end = try await log.bounds().lastSequence
        return try await log.read(.events(of: tenant), after: 0, through: end, maxBytes: 64 << 20).entries.map(\.event)
            .filter { $0.type.name == type }
    }

    // MARK: Endpoints

    /// Registers an endpoint whose receiver is called `name`.
    ///
    /// - Parameter isEnabled: whether it has answered its ping.
    func register(
        _ name: String,
        of tenant: Tenant = "acme",
        types: [String] = ["incident.*"],
        isOrdered: Bool = true,
        cursor: Cursor? = nil,
        isEnabled: Bool = true
    ) async throws -> EndpointID {
        let start = try await log.lastCursor()
        let stored = try await store.register(
            try DeliveryFixture.settings("https://\(name).example/", types: types, isOrdered: isOrdered),
            of: tenant,
            secret: .generate(),
            cursor: cursor ?? start,
            within: Self.patience
        )
        if isEnabled { try await update(stored.endpoint.id, of: tenant) { $0.state = .enabled } }
        return stored.endpoint.id
    }

    /// Changes an endpoint as an administrator does.
    func update(_ id: EndpointID, of tenant: Tenant = "acme", _ change: (inout Endpoint) -> Void) async throws {
        _ = try await store.update(id, of: tenant, within: Self.patience, change)
    }

    /// The endpoint as it is stored.
    func endpoint(_ id: EndpointID, of tenant: Tenant = "acme") async throws -> Endpoint? {
        try await store.endpoint(id, of: tenant)?.endpoint
    }

    // MARK: Dispatchers

    /// Runs a dispatcher with its own connection, until it is stopped.
    func start(
        _ name: String = "a",
        members: [String]? = nil,
        configure: (inout Dispatcher.Limits) -> Void = { _ in },
        send: Dispatcher.Send? = nil
    ) async throws -> RunningDispatcher {
        let log = try await Self.open(try await Self.connect(to: server))
        var limits = Dispatcher.Limits()
        limits.tick = .milliseconds(20)
        limits.writeAfter = .milliseconds(40)
        limits.pause = .milliseconds(100)
        limits.reclaim = .milliseconds(500)
        // A loaded machine stores slowly.
        limits.oldestProgress = .seconds(5)
        limits.drain = .seconds(60)
        limits.store = .seconds(30)
        configure(&limits)
        let membership = FakeMembership(MemberID(text: name), members: members ?? [name])
        let dispatcher = Dispatcher(
            log: log,
            endpoints: EndpointStore(beside: log, now: clock.now),
            membership: membership.source,
            limits: limits,
            tailBytes: 1 << 20,
            now: clock.now,
            logger: Self.logger,
            send: send ?? { [receiver] message, url, _, _ in await receiver.answer(message, at: url) },
            record: { [receiver] attempt, endpoint, _ in receiver.journal(attempt, of: endpoint) }
        )
        return RunningDispatcher(dispatcher, membership)
    }
}

/// A dispatcher that runs.
final class RunningDispatcher: Sendable {
    let dispatcher: Dispatcher
    let membership: FakeMembership
    private let task: Task<Void, any Error>

    init(_ dispatcher: Dispatcher, _ membership: FakeMembership) {
        self.dispatcher = dispatcher
        self.membership = membership
        task = Task { try await dispatcher.run() }
    }

    /// Stops it as a process does, and returns when it has ended.
    func stop() async throws {
        task.cancel()
        try await task.value
    }

    deinit { task.cancel() }
}

/// Who is alive, as the test says.
final class FakeMembership: Sendable {
    private struct State {
        var view: MembershipView
        var observers: [AsyncStream<MembershipView>.Continuation] = []
    }

    private let me: MemberID
    private let state: Mutex<State>

    init(_ me: MemberID, members: [String]) {
        self.me = me
        state = Mutex(State(view: MembershipView(of: members.map { MemberID(text: $0) }, mayStart: true)))
    }

    var source: MembershipSource {
        MembershipSource(me: me, view: { self.state.withLock { $0.view } }) {
            AsyncStream { continuation in
                self.state.withLock { state in
                    continuation.yield(state.view)
                    state.observers.append(continuation)
                }
            }
        }
    }

    /// Changes who is alive.
    func set(_ members: [String], mayStart: Bool = true) {
        state.withLock { state in
            state.view = MembershipView(of: members.map { MemberID(text: $0) }, mayStart: mayStart)
            for observer in state.observers { observer.yield(state.view) }
        }
    }
}

/// A clock that stands still until it is moved.
final class SettableClock: Sendable {
    private let time: Mutex<Timestamp>

    init(_ time: Timestamp) { self.time = Mutex(time) }

    var now: @Sendable () -> Timestamp { { self.time.withLock { $0 } } }
    func advance(by duration: Duration) { time.withLock { $0 = $0.advanced(by: duration) } }
    func set(_ now: Timestamp) { time.withLock { $0 = now } }
}

/// Receivers of webhooks, one for each host's name, that answer as the test says.
final class FakeReceiver: Sendable {
    /// A message that was received.
    struct Received: Sendable, Hashable {
        var id: String
        var type: String
        /// The number in its data, if it has one.
        var number: Int?
    }

    private struct State {
        var received: [String: [Received]] = [:]
        var outcomes: [String: [AttemptOutcome]] = [:]
        var held: [String: OneShot<Void>] = [:]
        var attempts: [(endpoint: EndpointID, attempt: Attempt)] = []
    }

    private let state = Mutex(State())

    /// What a receiver got, in order, also what it did not take.
    func received(_ name: String) -> [Received] { state.withLock { $0.received[name] ?? [] } }
    /// The numbers of the events among it.
    func numbers(_ name: String) -> [Int] { received(name).compactMap(\.number) }
    /// What was journalled of an endpoint.
    func attempts(of endpoint: EndpointID) -> [Attempt] { state.withLock { $0.attempts.filter { $0.endpoint == endpoint }.map(\.attempt) } }

    /// Says how a receiver answers its next requests; after them it takes everything.
    func answer(_ name: String, _ outcomes: AttemptOutcome...) { state.withLock { $0.outcomes[name, default: []] += outcomes } }

    /// Lets requests to a receiver wait until they are released.
    func hold(_ name: String) { state.withLock { $0.held[name] = OneShot() } }
    /// Answers what waits, and no longer lets requests wait.
    func release(_ name: String) { state.withLock { $0.held.removeValue(forKey: name) }?.settle(()) }

    func journal(_ attempt: Attempt, of endpoint: EndpointID) { state.withLock { $0.attempts.append((endpoint, attempt)) } }

    func answer(_ message: SignedMessage, at url: WebhookURL) async -> AttemptOutcome {
        guard case .name(let host) = url.host else { return .failed(.unresolvable) }
        let name = String(host.prefix { $0 != "." })
        let body = String(decoding: message.body, as: UTF8.self)
        func text(between start: String, and end: String) -> String? {
            guard let from = body.firstRange(of: start)?.upperBound else { return nil }
            return body[from...].firstRange(of: end).map { String(body[from..<$0.lowerBound]) }
        }
        let received = Received(
            id: message.id,
            type: text(between: #"{"type":""#, and: "\"") ?? "",
            number: text(between: #""data":{"n":"#, and: "}").flatMap { Int($0) }
        )
        let (held, outcome) = state.withLock { state in
            let outcome = state.outcomes[name]?.isEmpty == false ? state.outcomes[name]?.removeFirst() : nil
            if outcome != .postponed { state.received[name, default: []].append(received) }
            return (state.held[name], outcome)
        }
        do {
            try await held?.value()
        } catch {
            return .postponed
        }
        return outcome ?? DeliveryFixture.success
    }
}
