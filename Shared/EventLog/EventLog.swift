public import Basics
public import EventModel
public import Logging
public import NATSClient
import Synchronization

/// The log: the ordered, durable record of every tenant's events, on one JetStream stream.
///
/// It appends, reads the past and reports what is kept; ``LogFeed`` follows it live. All state is on the server: any number of processes share
/// the log without coordination.
///
/// Any thread; no method blocks one. Appends and reads retry through an outage until their time limit, then throw; ``bounds()`` throws at
/// once.
public final class EventLog: Sendable {
    /// What this process knows of the current stream.
    private struct Life {
        /// The stream's creation time, as last reported by the server.
        var created: UInt64
        var epoch: UInt16
        var replicas: Int
        /// The last messages at the previous check, in ascending order; used to recognise the stream.
        var stamps: [LogStamp] = []
        /// The time part of the first kept entry's cursor, by its sequence.
        var first: (sequence: UInt64, time: Timestamp)?
        /// High-water mark of acknowledged sequences: a later append gets a higher one, unless the stream was recreated.
        var acknowledged: UInt64 = 0

        init(_ info: StreamInfo) {
            created = info.created
            epoch = LogEpoch.epoch(createdAt: info.created)
            replicas = info.configuration.replicas
            note(info.state)
        }

        mutating func note(_ state: StreamInfo.State) {
            guard let storedAt = state.lastTimestamp, state.lastSequence > (stamps.last?.sequence ?? 0) else { return }
            if stamps.count == FeedProgress.rememberedStamps { stamps.removeFirst() }
            stamps.append(LogStamp(sequence: state.lastSequence, storedAt: storedAt))
        }
    }

    /// Maximum size of an event's message on the bus in bytes, headers included.
    public static let largestMessage = Payload.maximumBytes + AppendFaults.largestHeaders

    /// The log's configuration.
    public let configuration: EventLogConfiguration
    let connection: NATSConnection
    let jetStream: JetStream
    let watch: ConnectionWatch
    let logger: Logger
    private let life: Mutex<Life>
    private let past: PastReader
    private let infoFlight: StreamInfoFlight
    /// The deleted sequences of the last ``retention()``, and the epoch that they are of.
    private let deleted = Mutex((epoch: UInt16(0), sequences: DeletedSequences.none))
    /// The connection of batches, which keeps their order.
    ///
    /// A reconnecting nats.c connection holds the first message after a loss in its buffer (small, never empty) and sends it on reconnect. In a
    /// batch, that message would be stored before others that were lost with the old socket. On this connection, lost messages are never sent later.
    let line: SiblingConnection
    /// The connection of events that are appended without a task (``PreparedAppend``).
    let quickLine: SiblingConnection
    /// The size of the approval records.
    let recordsSize = RecordsSize()
    /// The turns and the pace of tenants that send several messages at a time, or a large one.
    let largeSends = PacedSends(bytesPerSecond: EventLog.bytesPerSecond)
    /// The last refused append per stream.
    let writes = WriteStanding()
    /// What the log's stream and checked side streams held when last asked.
    let seen = SeenStreams()

    private init(connection: NATSConnection, configuration: EventLogConfiguration, info: StreamInfo, watch: ConnectionWatch, logger: Logger)
    {
        self.connection = connection
        self.configuration = configuration
        self.watch = watch
        self.logger = logger
        let jetStream = JetStream(connection, timeout: configuration.requestTimeout)
        self.jetStream = jetStream
        infoFlight = StreamInfoFlight(configuration.streamName, of: jetStream)
        life = Mutex(Life(info))
        past = PastReader(filteredReads: configuration.filteredReads)
        line = SiblingConnection(of: connection, name: "batches", timeout: configuration.requestTimeout, logger: logger)
        quickLine = SiblingConnection(of: connection, name: "quick", timeout: configuration.requestTimeout, logger: logger)
        seen.note(info)
    }

    /// Opens the log: waits for the bus, then creates the stream or verifies that the existing one can be the log.
    ///
    /// An existing stream is never changed, deleted or recreated. Limits that differ from the configuration are logged as a warning.
    ///
    /// - Parameter isWaiting: called with a sentence whenever the reason for waiting changes.
    /// - Throws: ``EventLogError/Code/incompatibleStream``, ``EventLogError/Code/unsupportedServer``, ``EventLogError/Code/rejected``; the message
    ///   names the remedy; ``EventLogError/Code/cancelled``, ``EventLogError/Code/closed``. Outages are retried.
    public static func open(
        on connection: NATSConnection,
        configuration: EventLogConfiguration = EventLogConfiguration(),
        logger: Logger,
        isWaiting: @Sendable (String) -> Void = { _ in }
    ) async throws(EventLogError) -> EventLog {
        try configuration.validate()
        let watch = ConnectionWatch(connection)
        let stream = LogStream(
            jetStream: JetStream(connection, timeout: configuration.requestTimeout),
            configuration: configuration,
            logger: logger
        )
        var pause = Backoff(longest: .seconds(2))
        var reason: String?
        while true {
            do throws(EventLogError) {
                try await watch.untilConnected()
                let info = try await stream.opened()
                logger.info(
                    "the log is open",
                    metadata: [
                        LogKey.stream: "\(configuration.streamName)",
                        LogKey.replicas: "\(info.configuration.replicas)",
                        LogKey.storage: "\(info.configuration.storage.rawValue)",
                        LogKey.lastSequence: "\(info.state.lastSequence)",
                    ]
                )
                return EventLog(connection: connection, configuration: configuration, info: info, watch: watch, logger: logger)
            } catch {
                guard error.isRetriable else { throw error }
                if reason != error.message {
                    reason = error.message
                    logger.warning("waiting for the log", metadata: [LogKey.error: "\(error)"])
                    isWaiting(error.message)
                }
                try? await Task.sleep(for: pause.pause())
            }
        }
    }

    /// The epoch of the log, as far as this process knows; equal in all processes that see the same stream.
    ///
    /// Changes when the stream was recreated or restored; a ``LogFeed`` reports that to its observer.
    public var epoch: UInt16 { life.withLock { $0.epoch } }

    /// Returns the log's bounds.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func bounds() async throws(EventLogError) -> LogBounds {
        try await bounds(streamInfo())
    }

    private func bounds(_ info: StreamInfo) async throws(EventLogError) -> LogBounds {
        let epoch = try await renew(info)
        let state = info.state
        guard state.lastSequence > 0 else { return LogBounds(firstSequence: 1, lastSequence: 0, epoch: epoch, firstCursor: nil) }
        let first = state.firstKept
        return LogBounds(
            firstSequence: first,
            lastSequence: state.lastSequence,
            epoch: epoch,
            firstCursor: Cursor(time: try await intake(ofFirst: first, state), epoch: epoch, sequence: first)
        )
    }

    /// Returns which sequences the log holds. Deleted ones are listed again only when their number has changed.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func retention() async throws(EventLogError) -> LogRetention {
        var info = try await streamInfo()
        let (epoch, known) = deleted.withLock { ($0.epoch, $0.sequences.from(info.state.firstKept)) }
        var deleted = known
        if try await renew(info) != epoch || info.state.deletedCount != known.count || !known.isListed {
            deleted = .none
            if info.state.deletedCount > DeletedSequences.maximumListed {
                deleted = DeletedSequences(unlisted: info.state.deletedCount)
            } else if info.state.deletedCount > 0 {
                do throws(JetStreamError) {
                    info = try await jetStream.streamInfo(configuration.streamName, listsDeleted: true)
                } catch {
                    throw EventLogError(error)
                }
                deleted = DeletedSequences(ascending: info.state.deleted ?? [])
            }
        }
        let current = try await renew(info)
        self.deleted.withLock { $0 = (current, deleted) }
        return LogRetention(
            epoch: current,
            firstSequence: info.state.firstKept,
            lastSequence: info.state.lastSequence,
            deleted: deleted
        )
    }

    /// Reads a source's past events from the stream. Prefer the tail for what it holds.
    ///
    /// Readers near each other share a read that the server filters; a few of these run at a time. Where many sources wait, all share one scan of the
    /// stream. A cancelled task's read ends at once.
    ///
    /// - Parameters:
    ///   - source: The tenant, agent or workflow.
    ///   - after: Last sequence that the reader has.
    ///   - through: Last sequence to read; the log must have reached it: ``LogBounds/lastSequence`` or a feed's position.
    ///   - maxBytes: Maximum size of the entries, counted as ``LogTail`` counts; the first entry is returned whatever its size.
    /// - Returns: the entries in order, and the position up to which they are complete; if it is below `through`, read on from it.
    ///   ``LogRead/missedBefore`` is set when the log dropped, before or during the read, entries behind `after`.
    /// - Throws: a retriable ``EventLogError`` when the log was unreachable for ``EventLogConfiguration/readTimeout``;
    ///   ``EventLogError/Code/cancelled``.
    public func read(_ source: LogSource, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead {
        guard after < through else { return LogRead(entries: [], position: after) }
        return try await past.read(source, after: after, through: through, maxBytes: maxBytes, from: self)
    }

    // MARK: Internal to the library

    /// Whether single messages of the log were deleted, as of the last ``retention()``.
    var hasDeletions: Bool { deleted.withLock { $0.sequences.count > 0 } }

    /// Whether the stream has replicas: a read may then lag behind acknowledged appends.
    package var isReplicated: Bool { life.withLock { $0.replicas > 1 } }

    /// Whether there is a connection.
    var isConnected: Bool { connection.state == .connected }

    /// Returns the stream's configuration and state.
    func streamInfo() async throws(EventLogError) -> StreamInfo {
        try await infoFlight.info()
    }

    /// Checks a read for dropped entries. A consumer whose start has left the log begins later, and one slower than the log's old end skips entries,
    /// both silently. If `after + 1` is still kept when the read has ended, nothing was skipped.
    ///
    /// - Returns: the read; where entries may be missing, the part still kept, with ``LogRead/missedBefore``.
    func checked(_ read: LogRead, after: UInt64) async throws(EventLogError) -> LogRead {
        let info = try await streamInfo()
        let first = info.state.firstKept
        guard first > 0, first - 1 > after else { return read }
        return LogRead(
            entries: read.entries.filter { $0.sequence >= first },
            position: max(read.position, first - 1),
            missedBefore: try await bounds(info).firstCursor
        )
    }

    /// Returns a snapshot of the stream; creates it if absent, and verifies it as at the start.
    func inspect() async throws(EventLogError) -> FeedProgress.StreamSnapshot {
        let stream = LogStream(jetStream: jetStream, configuration: configuration, logger: logger)
        let info = try await stream.checked()
        let state = info.state
        return FeedProgress.StreamSnapshot(
            epoch: try await renew(info),
            first: state.firstKept,
            last: state.lastSequence,
            bytes: state.bytes,
            messages: state.messages,
            isReplicated: info.configuration.replicas > 1
        )
    }

    /// Returns the sequence of a subject's last message; nil when there is none.
    func lastSequence(on subject: String) async throws(EventLogError) -> UInt64? {
        do throws(JetStreamError) {
            return try await jetStream.lastMessage(stream: configuration.streamName, subject: subject).sequence
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
    }

    /// High-water mark of acknowledged sequences. Read before an append, for ``isPlausible(_:since:)``.
    var acknowledged: UInt64 { life.withLock { $0.acknowledged } }

    /// Records an acknowledged append. Returns whether its sequence is possible in the known stream.
    ///
    /// - Parameter since: ``acknowledged`` before the message was sent.
    func isPlausible(_ ack: PublishAck, since: UInt64) -> Bool { arePlausible(CollectionOfOne(ack), since: since) }

    /// The same for the appends of a batch.
    func arePlausible(_ acks: some Sequence<PublishAck>, since: UInt64) -> Bool {
        life.withLock { life in
            var arePlausible = true
            for ack in acks {
                life.acknowledged = max(life.acknowledged, ack.sequence)
                arePlausible = arePlausible && (ack.isDuplicate || ack.sequence > since)
            }
            return arePlausible
        }
    }

    /// Checks whether the stream is still the known one.
    func renewEpoch() async throws(EventLogError) {
        try await renew(try await LogStream(jetStream: jetStream, configuration: configuration, logger: logger).checked())
        life.withLock { $0.acknowledged = 0 }
    }

    /// Records the stream's current state and returns the log's epoch.
    ///
    /// A new creation time means a recreated log, unless the last messages are recognised: a clustered nats-server 2.9 reported another time for
    /// the same stream after the death of the server that kept it.
    ///
    /// - Throws: a retriable ``EventLogError`` when the stream must be compared and is unreachable.
    @discardableResult
    func renew(_ info: StreamInfo) async throws(EventLogError) -> UInt16 {
        seen.note(info)
        let known = life.withLock { $0 }
        var isSame = info.created == known.created
        if !isSame, let last = known.stamps.last, last.sequence <= info.state.lastSequence {
            isSame = try await recognises(known.stamps) == true
        }
        return life.withLock { life in
            if !isSame, life.created != info.created { life = Life(info) }
            life.created = info.created
            life.replicas = info.configuration.replicas
            life.note(info.state)
            return life.epoch
        }
    }

    /// Returns the time part of the first kept entry's cursor, or of the next entry's when the log is empty.
    private func intake(ofFirst first: UInt64, _ state: StreamInfo.State) async throws(EventLogError) -> Timestamp {
        if let known = life.withLock({ $0.first }), known.sequence == first { return known.time }
        guard state.messages > 0 else { return Timestamp(serverNanoseconds: state.lastTimestamp ?? 0) }
        guard let time = try await time(at: first) else { return Timestamp(serverNanoseconds: state.firstTimestamp ?? 0) }
        life.withLock { $0.first = (first, time) }
        return time
    }

    /// Returns the time part of a cursor; nil when the sequence is absent.
    func time(at sequence: UInt64) async throws(EventLogError) -> Timestamp? {
        switch try await content(at: sequence) {
        case .event(_, let intake): intake
        case .other(let storedAt): storedAt
        case .nothing: nil
        }
    }

    /// Returns the entry at an approval's place, read from the stream's leader; nil for a free place, and for a message that is no event.
    public func storedEvent(at place: ApprovalPlace, of tenant: Tenant) async throws(EventLogError) -> LogEntry? {
        do throws(JetStreamError) {
            let subject = EventSubject.approval(tenant: tenant, place: place)
            let message = try await jetStream.lastMessage(stream: configuration.streamName, subject: subject)
            return try? EventMessage.entry(message)
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
    }

    /// Returns the entry at a sequence, read from the stream's leader; nil when the log does not hold it, or holds something else there.
    public func storedEvent(at sequence: UInt64) async throws(EventLogError) -> LogEntry? {
        guard let message = try await message(at: sequence) else { return nil }
        return try? EventMessage.entry(message)
    }

    /// Returns the message at a sequence, read from the stream's leader; nil when absent.
    func message(at sequence: UInt64) async throws(EventLogError) -> StoredMessage? {
        do throws(JetStreamError) {
            return try await jetStream.message(stream: configuration.streamName, sequence: sequence)
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
    }
}

extension StreamInfo.State {
    /// The first kept sequence; ``lastSequence`` + 1 when the log is empty.
    package var firstKept: UInt64 {
        guard messages == 0 else { return firstSequence }
        // A purge can set the next sequence to any number.
        return lastSequence == .max ? .max : lastSequence + 1
    }
}

extension Timestamp {
    /// Converts the server's time, in nanoseconds.
    init(serverNanoseconds: UInt64) {
        self.init(nanosecondsSinceEpoch: Int64(clamping: serverNanoseconds))
    }
}
