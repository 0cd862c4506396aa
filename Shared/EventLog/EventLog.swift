import Basics
import EventModel
public import Logging
public import NATSClient
import Synchronization

/// The log: the ordered, durable record of every tenant's events, on one JetStream stream.
///
/// It appends, reads the past and says what is kept; ``LogFeed`` follows it live. All state is the server's, so that any number of processes
/// share the log without knowing each other.
///
/// All methods may be called from any thread; none blocks one. Appends and reads that meet an outage try again within their time and
/// then fail with an error that says so; ``bounds()`` fails at once.
public final class EventLog: Sendable {
    /// What is remembered of the stream.
    private struct Life {
        /// When the stream was created, as the server told last.
        var created: UInt64
        var epoch: UInt16
        var replicas: Int
        /// Messages that were the last one when the stream was looked at, in ascending order: it is recognised by them.
        var stamps: [LogStamp] = []
        /// The time part of the first kept entry's cursor, by its sequence.
        var first: (sequence: UInt64, time: Timestamp)?
        /// The highest sequence that was acknowledged: no later append can get one that is not higher, unless the stream is another.
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

    /// The most bytes that the message of an event has on the bus, headers included.
    public static let largestMessage = Payload.maximumBytes + AppendFaults.largestHeaders

    /// How the log is kept.
    public let configuration: EventLogConfiguration
    let connection: NATSConnection
    let jetStream: JetStream
    let watch: ConnectionWatch
    let logger: Logger
    private let life: Mutex<Life>
    private let past: PastReader
    private let infoFlight: StreamInfoFlight
    private let deleted = Mutex(DeletedSequences.none)
    let line: OrderedConnection
    /// Which appends were refused last.
    let writes = WriteStanding()

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
        line = OrderedConnection(beside: connection, timeout: configuration.requestTimeout, logger: logger)
    }

    /// Opens the log: waits for the bus, then creates the stream or makes sure that the one it finds can be the log.
    ///
    /// A stream that exists is never changed, deleted or made anew. Where its limits differ from the configuration, a warning says so.
    ///
    /// - Parameter isWaiting: is told, in a sentence, what is waited for, whenever that is another thing than before.
    /// - Throws: ``EventLogError/Code/incompatibleStream``, ``EventLogError/Code/unsupportedServer`` or ``EventLogError/Code/rejected`` with a
    ///   sentence that says what to do; ``EventLogError/Code/cancelled``, ``EventLogError/Code/closed``. Outages are waited for.
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
                        "log.stream": "\(configuration.streamName)",
                        "log.replicas": "\(info.configuration.replicas)",
                        "log.storage": "\(info.configuration.storage.rawValue)",
                        "log.last": "\(info.state.lastSequence)",
                    ]
                )
                return EventLog(connection: connection, configuration: configuration, info: info, watch: watch, logger: logger)
            } catch {
                guard error.isRetriable else { throw error }
                if reason != error.message {
                    reason = error.message
                    logger.warning("waiting for the log", metadata: ["error": "\(error)"])
                    isWaiting(error.message)
                }
                try? await Task.sleep(for: pause.pause())
            }
        }
    }

    /// Which life of the log sequences count in, as far as this process knows; the same in every process that knows the same.
    ///
    /// It changes when the stream was deleted and created again, or restored; a ``LogFeed`` tells its observer when it does.
    public var epoch: UInt16 { life.withLock { $0.epoch } }

    /// What the log keeps now.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is out of reach.
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

    /// Which sequences the log holds now. The deleted ones are listed anew only when their number has changed.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is out of reach.
    public func retention() async throws(EventLogError) -> LogRetention {
        var info = try await streamInfo()
        let known = deleted.withLock { $0.from(info.state.firstKept) }
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
        self.deleted.withLock { $0 = deleted }
        return LogRetention(
            epoch: try await renew(info),
            firstSequence: info.state.firstKept,
            lastSequence: info.state.lastSequence,
            deleted: deleted
        )
    }

    /// A piece of a source's past, from the stream itself. What the tail holds is better read from the tail.
    ///
    /// A few of these at a time read by themselves; when more come, they share one scan of the stream. A cancelled task's read ends at once.
    ///
    /// - Parameters:
    ///   - source: whose events.
    ///   - after: the last sequence the reader has.
    ///   - through: the last sequence the reader wants, which the log must have reached: ``LogBounds/lastSequence`` or a feed's position.
    ///   - maxBytes: how many bytes of entries at most, counted as ``LogTail`` counts; one entry is returned however large it is.
    /// - Returns: the entries in order, and how far they are complete. A position short of `through` means that there is more to read, after it.
    ///   ``LogRead/missedBefore`` says so when the log dropped, before or while it was read, what lies behind `after`.
    /// - Throws: a retriable ``EventLogError`` when the log was out of reach for ``EventLogConfiguration/readTimeout``;
    ///   ``EventLogError/Code/cancelled``.
    public func read(_ source: LogSource, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead {
        guard after < through else { return LogRead(entries: [], position: after) }
        return try await past.read(source, after: after, through: through, maxBytes: maxBytes, from: self)
    }

    // MARK: What the parts of the library need of each other

    /// Whether more than one server keeps the log: then the one that is read from may be a moment behind what was acknowledged.
    var isReplicated: Bool { life.withLock { $0.replicas > 1 } }

    /// Whether there is a connection just now.
    var isConnected: Bool { connection.state == .connected }

    /// The stream as the server has it.
    func streamInfo() async throws(EventLogError) -> StreamInfo {
        try await infoFlight.info()
    }

    /// Compares a read with what the log still holds after it: a consumer whose start has left the log begins later, and one that is slower
    /// than the log's old end skips, both without a word. If `after + 1` is still kept when the read has ended, nothing was skipped.
    ///
    /// - Returns: the read; where something may be missing, what is still kept of it, with ``LogRead/missedBefore``.
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

    /// A look at the stream, which is created if it is missing and judged as at the start.
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

    /// The sequence of the last message of a subject; nil when there is none.
    func lastSequence(on subject: String) async throws(EventLogError) -> UInt64? {
        do throws(JetStreamError) {
            return try await jetStream.lastMessage(stream: configuration.streamName, subject: subject).sequence
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
    }

    /// The highest sequence that was acknowledged so far. Asked before an append, for ``isPlausible(_:since:)``.
    var acknowledged: UInt64 { life.withLock { $0.acknowledged } }

    /// An append was acknowledged. Returns whether its place can be one in the stream that is known.
    ///
    /// - Parameter since: what ``acknowledged`` was before the message was sent.
    func isPlausible(_ ack: PublishAck, since: UInt64) -> Bool {
        life.withLock { life in
            life.acknowledged = max(life.acknowledged, ack.sequence)
            return ack.isDuplicate || ack.sequence > since
        }
    }

    /// Looks whether the stream is still the one that is known.
    func renewEpoch() async throws(EventLogError) {
        try await renew(try await LogStream(jetStream: jetStream, configuration: configuration, logger: logger).checked())
        life.withLock { $0.acknowledged = 0 }
    }

    /// Takes note of the stream as the server has it now, and returns the epoch of the log that it is.
    ///
    /// Another time of creation means another log, unless the last messages are recognised: a clustered nats-server 2.9 has told another time for
    /// the same stream after the death of the server that kept it.
    ///
    /// - Throws: a retriable ``EventLogError`` when the stream would have to be compared and is out of reach.
    @discardableResult
    func renew(_ info: StreamInfo) async throws(EventLogError) -> UInt16 {
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

    /// The time part of the cursor of the first entry that is kept, or of the next one when none is.
    private func intake(ofFirst first: UInt64, _ state: StreamInfo.State) async throws(EventLogError) -> Timestamp {
        if let known = life.withLock({ $0.first }), known.sequence == first { return known.time }
        guard state.messages > 0 else { return Timestamp(serverNanoseconds: state.lastTimestamp ?? 0) }
        guard let time = try await time(at: first) else { return Timestamp(serverNanoseconds: state.firstTimestamp ?? 0) }
        life.withLock { $0.first = (first, time) }
        return time
    }

    /// The time part of a cursor to a place; nil when nothing stands there any more.
    func time(at sequence: UInt64) async throws(EventLogError) -> Timestamp? {
        switch try await content(at: sequence) {
        case .event(_, let intake): intake
        case .other(let storedAt): storedAt
        case .nothing: nil
        }
    }

    /// The message at a place, as the stream's leader has it; nil when it is not kept any more.
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
    /// The first sequence that is kept; one more than the last when nothing is.
    package var firstKept: UInt64 {
        guard messages == 0 else { return firstSequence }
        // A purge can set the next sequence to any number.
        return lastSequence == .max ? .max : lastSequence + 1
    }
}

extension Timestamp {
    /// A time of the server, which counts in nanoseconds.
    init(serverNanoseconds: UInt64) {
        self.init(nanosecondsSinceEpoch: Int64(clamping: serverNanoseconds))
    }
}
