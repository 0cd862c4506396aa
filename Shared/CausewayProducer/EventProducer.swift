public import Basics
public import EventLog
public import EventModel
public import Logging
public import NATSClient
import Synchronization

/// Publishes events into the tenants' log, the source of every surface.
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
/// 1. When a publish returns, the event is durable and will reach all readers of the tenant.
/// 2. Idempotent: a duplicate is detected by tenant, source and id. The same event within two minutes is not stored again and gets the same cursor;
///    other content under a used id is ``ProducerError/Code/conflict``. After a retriable error, retry with the same id; without the caller's id a
///    retry is a new event.
/// 3. A program may start before the bus. Every publish waits for the connection and retries through outages, up to its timeout.
/// 4. Events keep their order in the log when each is published after the previous call has returned, or in one call of
///    ``publish(contentsOf:under:intake:timeout:)``.
///
/// Any task; no method blocks a thread.
public final class EventProducer: Sendable {
    /// The connection to the bus.
    public let connection: NATSConnection
    private let ownsConnection: Bool
    private let opening: LogOpening
    let timeout: Duration
    /// Assigns the numbers of execution events; created with the first one.
    let writer = Mutex<ExecutionWriter?>(nil)
    private let place: String
    private let waiting = WaitingReason()
    let now: @Sendable () -> Timestamp

    /// Connects to the bus and starts opening the log.
    ///
    /// Retries an unreachable bus in the background, without limit.
    ///
    /// - Parameters:
    ///   - configuration: The bus, the log, the timeout.
    ///   - logger: Logs changes of the connection's state; never an event.
    /// - Throws: ``ProducerError/Code/refused`` for an invalid value, an unreadable file, or credentials that the server refuses.
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

    /// Creates a producer on an existing connection, which ``close()`` leaves open.
    ///
    /// - Parameters:
    ///   - connection: the bus.
    ///   - configuration: The log and the timeout; of ``ProducerConfiguration/nats`` only the servers' names, for errors.
    ///   - logger: Logs changes of the log; never an event.
    ///   - now: The current time, which becomes part of cursors.
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

    /// Whether the bus is connected and the log is open.
    public var isReady: Bool { connection.state == .connected && opening.log != nil }

    /// Waits until the log is open.
    ///
    /// - Parameter timeout: Time limit; nil for ``ProducerConfiguration/timeout``.
    /// - Returns: the log.
    /// - Throws: ``ProducerError/Code/unavailable`` at the time limit, with the known cause; ``ProducerError/Code/refused`` when the log cannot
    ///   be opened.
    @discardableResult
    public func ready(within timeout: Duration? = nil) async throws(ProducerError) -> EventLog {
        let limit = timeout ?? self.timeout
        return try await opening.log(within: limit) { [connection, place, waiting] in
            Self.late(connection, place, waiting.text, after: limit)
        }.get()
    }

    /// Publishes a complete event.
    ///
    /// - Parameters:
    ///   - intake: Intake time; nil for now.
    ///   - timeout: How long to retry; nil for ``ProducerConfiguration/timeout``.
    /// - Throws: a retriable ``ProducerError`` when no acknowledgement came in time: the event may or may not be stored.
    @discardableResult
    public func publish(_ event: Event, intake: Timestamp? = nil, timeout: Duration? = nil) async throws(ProducerError) -> PublishedEvent {
        try await publish(contentsOf: [event], intake: intake, timeout: timeout)[0]
    }

    /// Publishes events in order, without waiting for each.
    ///
    /// Faults are found before any event is stored: an id with other content, a decided approval, a size above the bus's limit. After another error
    /// some events may be stored; retrying the whole call stores the rest.
    ///
    /// - Parameters:
    ///   - events: The events, of any tenants. Sent together, so they should fit into memory twice.
    ///   - key: The request of the events, which is deduplicated as a whole: the same key with other content is a conflict.
    ///   - intake: Intake time; nil for now. Also the time of events without one.
    ///   - timeout: How long to retry, for all of them; nil for ``ProducerConfiguration/timeout``.
    /// - Returns: one acknowledgement per event, in order.
    /// - Throws: ``ProducerError/Code/invalidEvent`` with the field of the first faulty event, before anything is sent; the errors of
    ///   ``publish(_:intake:timeout:)``.
    @discardableResult
    public func publish(
        contentsOf events: [Event],
        under key: RequestKey? = nil,
        intake: Timestamp? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> [PublishedEvent] {
        for (index, event) in events.enumerated() {
            do throws(ValidationError) {
                try event.checkForPublishing()
            } catch {
                guard events.count > 1 else { throw ProducerError(error) }
                throw ProducerError(ValidationError(field: "[\(index)].\(error.field)", message: error.message, kind: error.kind))
            }
        }
        return try await publishChecked(contentsOf: events, under: key, intake: intake, timeout: timeout)
    }

    /// As ``publish(contentsOf:under:intake:timeout:)``, of events that an ``EventDraft`` has checked.
    package func publishChecked(
        contentsOf events: [Event],
        under key: RequestKey?,
        intake: Timestamp?,
        timeout: Duration?
    ) async throws(ProducerError) -> [PublishedEvent] {
        guard !events.isEmpty else { return [] }
        return try await withLog(within: timeout) { log, remaining throws(EventLogError) in
            if let key { try await log.claim(key, for: RequestContent(events), timeout: remaining()) }
            let appended = try await log.append(contentsOf: events, intake: intake ?? now(), timeout: remaining())
            return events.indices.map { PublishedEvent(events[$0], appended[$0]) }
        }
    }

    /// Prepares the publishing of an event that an ``EventDraft`` has checked, if it needs nothing but the log's acknowledgement; else nil.
    ///
    /// - Parameter intake: as for ``publish(_:intake:timeout:)``.
    package func prepareChecked(_ event: Event, intake: Timestamp) -> PreparedPublish? {
        opening.log.flatMap { PreparedAppend(event, to: $0, intake: intake) }.map { append in
            PreparedPublish { [timeout] limit, completion in
                append.send(timeout: limit ?? timeout) { result in
                    completion(result.map { PublishedEvent(event, $0) }.mapError(ProducerError.init))
                }
            }
        }
    }

    /// Publishes events in order, each independently: a faulty event does not stop the others.
    ///
    /// - Parameters: as for ``publish(contentsOf:under:intake:timeout:)``.
    /// - Returns: one result per event, in order; errors are ``ProducerError/Code/invalidEvent``, ``ProducerError/Code/conflict`` or
    ///   ``ProducerError/Code/tooLarge``.
    /// - Throws: errors that concern all events, such as an outage; some may then be stored.
    public func publish(
        each events: [Event],
        intake: Timestamp? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> [Result<PublishedEvent, ProducerError>] {
        let faults = events.map { event in
            Result { () throws(ValidationError) in try event.checkForPublishing() }
        }
        let valid = zip(events, faults).filter { (try? $1.get()) != nil }.map { $0.0 }
        var results = try await publishChecked(each: valid, intake: intake, timeout: timeout)[...]
        return faults.map { fault in
            if case .failure(let error) = fault { return .failure(ProducerError(error)) }
            return results.removeFirst()
        }
    }

    /// As ``publish(each:intake:timeout:)``, of events that an ``EventDraft`` has checked.
    package func publishChecked(
        each events: [Event],
        intake: Timestamp?,
        timeout: Duration?
    ) async throws(ProducerError) -> [Result<PublishedEvent, ProducerError>] {
        guard !events.isEmpty else { return [] }
        return try await withLog(within: timeout) { log, remaining throws(EventLogError) in
            let results = try await log.append(each: events, intake: intake ?? now(), timeout: remaining())
            return zip(events, results).map { event, result in
                result.map { PublishedEvent(event, $0) }.mapError { ProducerError($0.at(nil)) }
            }
        }
    }

    /// Runs `body` with the log and a function that returns the remaining time.
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

    /// Completes a draft and publishes it.
    func publish(_ draft: EventDraft, tenant: Tenant, timeout: Duration?) async throws(ProducerError) -> PublishedEvent {
        let now = now()
        let event: Event
        do throws(ValidationError) {
            event = try draft.resolve(tenant: tenant, id: EventID(generated: ULID.generate(time: now)), time: now)
        } catch {
            throw ProducerError(error)
        }
        return try await publish(event, intake: now, timeout: timeout)
    }

    /// Closes the producer: waiting publishes fail with ``ProducerError/Code/closed``. Closes the connection if ``connect(_:logger:)`` opened it.
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

/// Holds what the opening of the log is waiting for, if known.
private final class WaitingReason: Sendable {
    private let reason = Mutex<String?>(nil)

    var text: String? { reason.withLock { $0 } }

    func name(_ text: String) { reason.withLock { $0 = text } }
}
