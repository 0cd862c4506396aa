public import Basics
public import EventLog
public import EventModel
public import Logging
public import NATSClient
import Synchronization

/// Publishes events into the tenants' log, from which every surface reads.
///
/// ```swift
/// import CausewayProducer
///
/// struct Progress: Encodable {
///     var incidentId: String
///     var message: String
///     var agentName: String
/// }
///
/// let producer = try await EventProducer.connect()
/// let published = try await producer.publish(
///     "investigation.progress",
///     tenant: "acme",
///     payload: Progress(incidentId: "inc_1", message: "The pool is exhausted", agentName: "metrics"),
///     id: "inc_1/step-3"
/// )
/// print(published.cursor)  // evt_01HX9V…
/// try await producer.publishUser("notification.created", tenant: "acme", user: "ann", payload: ["id": "ntf_1", "title": "Your turn"])
/// await producer.close()
/// ```
///
/// 1. When a publish returns, the event is durable, and on its way to all readers of the tenant.
/// 2. A duplicate is detected by tenant, source and id: the same event published again within two minutes is not stored again, and gets the same cursor;
///    another content under a used id is ``ProducerError/Code/conflict``. So a publish that failed with a retriable error may be repeated with the same
///    id; without an id of the caller's a repetition is a new event.
/// 3. A program may start before the bus does. Every publish waits for the connection and tries through outages, up to its timeout.
/// 4. Events that are published one after the other, each after the one before has returned, or in one call of
///    ``publish(contentsOf:under:intake:timeout:)``, lie in the log in that order.
///
/// All methods may be called from any task; none blocks a thread.
public final class EventProducer: Sendable {
    /// The connection that the events go over.
    public let connection: NATSConnection
    private let ownsConnection: Bool
    private let opening: LogOpening
    let timeout: Duration
    /// Numbers the events of executions; made with the first of them.
    let writer = Mutex<ExecutionWriter?>(nil)
    private let place: String
    private let waiting = WaitingReason()
    let now: @Sendable () -> Timestamp

    /// Connects to the bus, and begins to open the log on it.
    ///
    /// A bus that is away is looked for in the background, without end.
    ///
    /// - Parameters:
    ///   - configuration: where and who.
    ///   - logger: gets changes of the connection's state; never an event.
    /// - Throws: ``ProducerError/Code/refused`` for a value that cannot be used, a file that cannot be read, or credentials that the
    ///   server refuses.
    public static func connect(
        _ configuration: ProducerConfiguration = ProducerConfiguration(),
        logger: Logger = Logger(label: "causeway.producer")
    ) async throws(ProducerError) -> EventProducer {
        do throws(NATSError) {
            let connection = try await NATSConnection.connect(configuration.nats, logger: logger)
            return EventProducer(connection, isOwned: true, configuration, logger, now: { .now })
        } catch {
            throw ProducerError(error)
        }
    }

    /// Publishes over a connection that there is already, and which ``close()`` leaves open.
    ///
    /// - Parameters:
    ///   - connection: the bus.
    ///   - configuration: the log, and how long to try; of ``ProducerConfiguration/nats``, only what errors call the bus.
    ///   - logger: gets what happens to the log; never an event.
    ///   - now: the time of day, which becomes part of cursors.
    public convenience init(
        connection: NATSConnection,
        configuration: ProducerConfiguration,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.init(connection, isOwned: false, configuration, logger, now: now)
    }

    private init(
        _ connection: NATSConnection,
        isOwned: Bool,
        _ configuration: ProducerConfiguration,
        _ logger: Logger,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.connection = connection
        self.now = now
        ownsConnection = isOwned
        timeout = configuration.timeout
        place = "\(configuration.nats)"
        opening = LogOpening { [log = configuration.log, waiting] () async throws(EventLogError) -> EventLog in
            try await EventLog.open(on: connection, configuration: log, logger: logger) { waiting.name($0) }
        }
        opening.begin()
    }

    deinit {
        opening.close()
    }

    /// Whether the bus is connected and the log on it has been opened, so that a publish has a good chance.
    public var isReady: Bool { connection.state == .connected && opening.log != nil }

    /// Waits until the log is open.
    ///
    /// - Parameter timeout: for how long; nil for ``ProducerConfiguration/timeout``.
    /// - Returns: the log.
    /// - Throws: ``ProducerError/Code/unavailable`` when the time is over, with what is known about why;
    ///   ``ProducerError/Code/refused`` when the log cannot be opened as it is.
    @discardableResult
    public func ready(within timeout: Duration? = nil) async throws(ProducerError) -> EventLog {
        let limit = timeout ?? self.timeout
        return try await opening.log(within: limit) { [connection, place, waiting] in
            Self.late(connection, place, waiting.text, after: limit)
        }.get()
    }

    /// Publishes an event that is complete.
    ///
    /// - Parameters:
    ///   - intake: when it was taken in; nil for now.
    ///   - timeout: how long to try; nil for ``ProducerConfiguration/timeout``.
    /// - Throws: a retriable ``ProducerError`` when the event was not acknowledged in time, in which case it may or may not be stored.
    @discardableResult
    public func publish(_ event: Event, intake: Timestamp? = nil, timeout: Duration? = nil) async throws(ProducerError) -> PublishedEvent {
        try await publish(contentsOf: [event], intake: intake, timeout: timeout)[0]
    }

    /// Publishes events in their order, one behind the other without waiting for each.
    ///
    /// What is wrong with one of them is found before any is stored: an id that stands for another content, an approval that is decided, a size that
    /// the bus does not take. Where another error is thrown, some of the events may be stored; repeating the whole call stores the others.
    ///
    /// - Parameters:
    ///   - events: what happened, in any tenants. They are sent together, so they should not be more than fit into memory twice.
    ///   - key: the request that the events are of, which is then recognised as a whole: under the same key with another content it is a conflict.
    ///   - intake: when they were taken in; nil for now. Also the time of events that have none of their own.
    ///   - timeout: how long to try for all of them; nil for ``ProducerConfiguration/timeout``.
    /// - Returns: one answer an event, in the order of the events.
    @discardableResult
    public func publish(
        contentsOf events: [Event],
        under key: RequestKey? = nil,
        intake: Timestamp? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> [PublishedEvent] {
        guard !events.isEmpty else { return [] }
        return try await withLog(within: timeout) { log, remaining throws(EventLogError) in
            if let key { try await log.claim(key, for: RequestContent(events), timeout: remaining()) }
            let appended = try await log.append(contentsOf: events, intake: intake ?? now(), timeout: remaining())
            return zip(events, appended).map { PublishedEvent($0, $1) }
        }
    }

    /// Publishes events in their order, each for itself: one that cannot be stored keeps none of the others out.
    ///
    /// - Parameters: as for ``publish(contentsOf:under:intake:timeout:)``.
    /// - Returns: one result an event, in the order of the events; its error is ``ProducerError/Code/conflict`` or ``ProducerError/Code/tooLarge``.
    /// - Throws: what concerns all of them, such as an outage; some may be stored then.
    public func publish(
        each events: [Event],
        intake: Timestamp? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> [Result<PublishedEvent, ProducerError>] {
        guard !events.isEmpty else { return [] }
        return try await withLog(within: timeout) { log, remaining throws(EventLogError) in
            let results = try await log.append(each: events, intake: intake ?? now(), timeout: remaining())
            return zip(events, results).map { event, result in
                result.map { PublishedEvent(event, $0) }.mapError { ProducerError($0.at(nil)) }
            }
        }
    }

    /// Runs `body` with the log, and a function that says how much of the time is left.
    nonisolated(nonsending) func withLog<Answer>(
        within timeout: Duration?,
        _ body: (EventLog, () -> Duration) async throws(EventLogError) -> Answer
    ) async throws(ProducerError) -> Answer {
        let limit = timeout ?? self.timeout
        let deadline = ContinuousClock.now.advanced(by: limit)
        let log = try await ready(within: limit)
        do throws(EventLogError) {
            return try await body(log) { max(.zero, ContinuousClock.now.duration(to: deadline)) }
        } catch {
            throw ProducerError(error)
        }
    }

    /// Completes what a producer left open, and publishes it.
    func publish(_ draft: EventDraft, tenant: Tenant, timeout: Duration?) async throws(ProducerError) -> PublishedEvent {
        var generator = SystemRandomNumberGenerator()
        let now = now()
        let event: Event
        do throws(ValidationError) {
            event = try draft.resolve(tenant: tenant, id: EventID(generated: ULID.generate(time: now, using: &generator)), time: now)
        } catch {
            throw ProducerError(error)
        }
        return try await publish(event, intake: now, timeout: timeout)
    }

    /// Ends the producer: publishes that wait fail with ``ProducerError/Code/closed``. The connection is closed if ``connect(_:logger:)`` made it.
    public func close() async {
        opening.close()
        if ownsConnection { await connection.close() }
    }

    private static func late(_ connection: NATSConnection, _ place: String, _ reason: String?, after limit: Duration) -> ProducerError {
        guard connection.state != .connected else {
            return ProducerError(
                .unavailable,
                "NATS answers, but the log could not be opened within \(limit) (\(place)). \(reason ?? "It may take longer: try again.")"
            )
        }
        return ProducerError(
            .unavailable,
            """
            NATS could not be reached within \(limit) (\(place)). \
            \(connection.lastError?.message ?? "Check that the server runs and that its URL is right.")
            """
        )
    }
}

/// What the opening of the log waits for, once that is known.
private final class WaitingReason: Sendable {
    private let reason = Mutex<String?>(nil)

    var text: String? { reason.withLock { $0 } }

    func name(_ text: String) { reason.withLock { $0 = text } }
}
