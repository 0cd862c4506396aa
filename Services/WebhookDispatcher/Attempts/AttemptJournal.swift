import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import Synchronization
import Webhooks

/// The last attempts of each endpoint: a side stream, `WEBHOOK_ATTEMPTS`, which every replica reads and the owner of an endpoint writes.
///
/// The subject of an attempt names tenant and slot, `attempts.<tenant>.<slot>`, and keeps the last ``kept`` messages; a message has the attempts of
/// about a second (``AttemptMessage``). So what a tenant takes of the stream is bounded by its endpoints, also when it deletes and registers them
/// again and again. The stream drops by age, and the oldest of all when it is full: a list of attempts is for people, and nothing depends on it.
///
/// Recording never waits for the bus. What is not stored yet has a bound with a share for each tenant (``PendingAttempts``). Any thread.
final class AttemptJournal: Sendable {
    /// Attempts of an endpoint that are kept.
    static let kept = 20
    /// How long they are kept.
    private static let maximumAge: Duration = .seconds(7 * 86_400)
    /// Maximum size of the stream in bytes. 100 endpoints of a tenant take 1 MB, and 4 MB when every answer is long.
    private static let maximumBytes: Int64 = 256 << 20
    private static let prefix = "attempts"
    /// Attempts that may wait to be stored: some 2 MB, at most 16 MB.
    private static let maximumPending = 8192
    /// Attempts that are stored at a time.
    private static let batch = 256
    /// How often what waits is stored.
    private static let interval: Duration = .seconds(1)
    /// Time limit for storing what is left at the end.
    private static let lastInterval: Duration = .seconds(2)

    private struct State {
        var pending: PendingAttempts
        /// Sent, and not acknowledged yet.
        var sent: [PendingAttempts.Place: [AttemptRecord]] = [:]
        /// Attempts that the stream did not take, and that are not tried again.
        var refused = 0
    }

    /// The stream.
    let stream: SideStream
    private let limit: Int
    private let logger: Logger
    private let state: Mutex<State>
    private let work = Signal()

    /// Describes the stream beside `log`, which may not exist yet.
    ///
    /// - Parameter limit: the most attempts that wait to be stored.
    init(beside log: EventLog, limit: Int = maximumPending, logger: Logger) {
        var configuration = StreamConfiguration(name: EventLogConfiguration.webhookAttemptsName, subjects: ["\(Self.prefix).*.*"])
        configuration.description = "Causeway: the last attempts at deliveries to webhook endpoints"
        configuration.maxAge = Self.maximumAge
        configuration.maxBytes = Self.maximumBytes
        configuration.maxMessageSize = Int32(AttemptMessage.maximumBytes)
        configuration.maxMessagesPerSubject = Int64(Self.kept)
        stream = SideStream(beside: log, configuration)
        self.limit = limit
        self.logger = logger
        state = Mutex(State(pending: PendingAttempts(limit: limit)))
    }

    /// Number of attempts that wait to be stored.
    var pendingCount: Int { state.withLock { $0.pending.count } }

    /// Number of attempts that were dropped before they were stored, because too many waited or because the stream refused them.
    var droppedCount: Int { state.withLock { $0.pending.dropped + $0.refused } }

    /// Records an attempt. Never waits; ``run()`` stores it.
    func record(_ attempt: Attempt, of endpoint: EndpointID, in tenant: Tenant) {
        let place = PendingAttempts.Place(tenant: tenant, slot: endpoint.slot)
        state.withLock { $0.pending.append(AttemptRecord(endpoint: endpoint, attempt: attempt), at: place) }
        work.raise()
    }

    /// Returns the last attempts of an endpoint, newest first: those stored by any replica, and those that this one has not stored yet.
    ///
    /// - Throws: ``EventLogError``, retriable in an outage.
    func attempts(of endpoint: EndpointID, in tenant: Tenant) async throws -> [Attempt] {
        let place = PendingAttempts.Place(tenant: tenant, slot: endpoint.slot)
        // Before the stream is read: what is stored meanwhile is found there.
        let own = state.withLock { ($0.sent[place] ?? []) + $0.pending.records(at: place) }
        var known: Set<AttemptRecord> = []
        // A repetition after a lost acknowledgement is the same attempt.
        let records = (try await stored(at: place) + own).filter { $0.endpoint == endpoint && known.insert($0).inserted }
        return records.suffix(Self.kept).reversed().map(\.attempt)
    }

    /// Stores what is recorded until the task is cancelled, then what is left, within two seconds.
    func run() async {
        var pause = Backoff(first: .milliseconds(100), longest: .seconds(5))
        while !Task.isCancelled {
            await work.wait()
            guard !Task.isCancelled else { break }
            // What waits now. What comes meanwhile has the next turn, so that the attempts of an endpoint share a message.
            var (left, isDone) = (pendingCount, true)
            while left > 0, isDone {
                let count: Int
                (count, isDone) = await store(atMost: Self.batch)
                left = count > 0 ? left - count : 0
            }
            if isDone { pause.reset() }
            let waiting = pendingCount
            if waiting > 0 { work.raise() }
            // With much that waits, only acknowledgements limit the rate.
            guard waiting < limit / 2 || !isDone else { continue }
            try? await Task.sleep(for: isDone ? Self.interval : pause.pause())
        }
        // Not a child: a cancelled task sends nothing. Twice, because the first attempt may create the stream.
        await Task { for _ in 0..<2 { _ = await store(atMost: Self.maximumPending, timeout: Self.lastInterval / 2) } }.value
    }

    // MARK: The stream

    private static func subject(_ place: PendingAttempts.Place) -> String { "\(prefix).\(SubjectToken.encode(place.tenant)).\(place.slot)" }

    /// Stores what waits, some `limit` attempts of it.
    ///
    /// - Returns: the number of attempts taken, and whether each was stored or refused for good.
    private func store(atMost limit: Int, timeout: Duration? = nil) async -> (count: Int, isDone: Bool) {
        let taken = state.withLock { state in
            let taken = state.pending.take(limit)
            for (place, records) in taken { state.sent[place] = records }
            return taken
        }
        guard !taken.isEmpty else { return (0, true) }
        let encoded = taken.map { place, records in (place: place, records: records, messages: AttemptMessage.encode(records)) }
        let messages = encoded.flatMap { part in
            part.messages.map { NATSClient.OutgoingMessage(subject: Self.subject(part.place), payload: $0.payload) }
        }
        var errors = await stream.publish(inOrder: messages, timeout: timeout)[...]
        var isDone = true
        var refusal: EventLogError?
        state.withLock { state in
            for (place, records, messages) in encoded {
                state.sent[place] = nil
                var unsent: [AttemptRecord] = []
                var records = records[...]
                for (message, error) in zip(messages, errors.prefix(messages.count)) {
                    defer { records = records.dropFirst(message.count) }
                    guard let error else { continue }
                    if error.isRetriable || error.code == .cancelled {
                        isDone = false
                        unsent += records.prefix(message.count)
                    } else {
                        refusal = error
                        state.refused += message.count
                    }
                }
                errors = errors.dropFirst(messages.count)
                if !unsent.isEmpty { state.pending.restore(unsent, at: place) }
            }
        }
        if let refusal {
            logger.warning(
                "attempts at webhooks are not stored",
                metadata: [LogKey.stream: "\(stream.name)", LogKey.error: "\(refusal)"]
            )
        }
        return (taken.reduce(0) { $0 + $1.records.count }, isDone)
    }

    /// The attempts that the stream has of a place, oldest first.
    private func stored(at place: PendingAttempts.Place) async throws(EventLogError) -> [AttemptRecord] {
        let subject = Self.subject(place)
        var records: [AttemptRecord] = []
        var sequence: UInt64 = 0
        // More than are kept, for those that are stored meanwhile.
        for _ in 0..<(4 * Self.kept) {
            guard let message = try await stream.next(after: sequence, matching: subject) else { break }
            sequence = message.sequence
            records += AttemptMessage.decode(message.payload)
        }
        return records
    }
}
