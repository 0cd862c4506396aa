import Basics
import EventModel
public import Logging
import NATSClient
import Synchronization

/// The process's single feed: follows the log live, fills the tail, and notifies an observer.
///
/// 1. At the start it reads as much of the log's end as the tail holds, then follows.
/// 2. It reads through an ephemeral push consumer without acknowledgements, from its position on, and replaces it after a lost connection,
///    a silent server or a missing delivery. Repeated deliveries are dropped.
///    So sequences strictly increase, and every entry is reported once, however often the server restarts.
/// 3. Messages that are not events are skipped, counted, and logged at a limited rate; executions are skipped unless the observer follows
///    them.
/// 4. When the log was recreated, truncated or restored from an older copy (the last messages are recognised by sequence and stored time), it
///    notifies the observer and continues at the new end; an absent log is created with the configuration of the `EventLog`.
/// 5. It compares sequences with what the log still keeps, and reports entries that the log dropped unread.
/// 6. Backpressure: it does not read while its observer has no room (``LogObserver/hasRoom``).
/// 7. Once a second it asks what the log keeps, and removes the rest from the tail.
public final class LogFeed: Sendable {
    /// Counters since the start.
    public struct Statistics: Sendable {
        /// Entries received.
        public var entries: UInt64 = 0
        /// Messages left to deliver, as of the last reported one.
        public var pending: UInt64 = 0
        /// Consumers created: 1 while nothing failed.
        public var consumers: UInt64 = 0
        /// How often the log was replaced, or dropped unread entries.
        public var replacements: UInt64 = 0
        /// Sequences that the log dropped, or may have dropped, unread.
        public var missed: UInt64 = 0
        /// Messages that were not events, by fault.
        public var skipped: [String: UInt64] = [:]
    }

    /// The last entries, for readers slightly behind.
    public let tail: LogTail

    private let log: EventLog
    private let tailBytes: Int
    private let observer: any LogObserver
    private let logger: Logger
    private let faults: FaultLog

    private let progress: Mutex<FeedProgress>
    private let failure = Mutex<String?>(nil)
    private let told = Atomic<UInt64>(0)
    private let following = Atomic<Bool>(false)
    private let entries = Atomic<UInt64>(0)
    private let pending = Atomic<UInt64>(0)
    private let consumers = Atomic<UInt64>(0)
    private let replacements = Atomic<UInt64>(0)
    /// Whether the observer refused a message of the current consumer for lack of room.
    private let isPaused = Atomic<Bool>(false)
    /// Whether the last check of the log found that the current consumer skipped entries, or is of another log.
    private let isOutdated = Atomic<Bool>(false)
    /// Raised when the current consumer must be replaced.
    private let broken = Signal()
    /// Raised when sequences were skipped without explanation.
    private let skipped = Signal()

    /// Heartbeat interval of an idle consumer.
    static let heartbeat: Duration = .milliseconds(500)
    /// Maximum silence of the server: three heartbeats.
    static let maximumSilence: Duration = .milliseconds(1500)
    /// Interval of the retention check.
    static let retentionInterval: Duration = .seconds(1)
    /// Interval at which an observer without room is asked again.
    static let roomInterval: Duration = .milliseconds(5)

    /// Creates a feed; ``run()`` starts it.
    ///
    /// - Parameters:
    ///   - log: The log to follow.
    ///   - tailBytes: Maximum size of the tail in bytes; the design's default is 128 MiB.
    ///   - observer: Receives everything from the start of the tail on. It assumes the value of ``EventLog/epoch`` at this call until
    ///     ``LogObserver/logReplaced(epoch:position:)`` reports another.
    ///   - logger: Receives a line when the feed loses and finds its log.
    public convenience init(log: EventLog, tailBytes: Int, observer: any LogObserver, logger: Logger) {
        self.init(log: log, tailBytes: tailBytes, start: nil, stamp: nil, observer: observer, logger: logger)
    }

    /// Creates a feed for an observer that persists its position: reports what follows `start`, or what follows the log's start if that is
    /// later. The tail is minimal.
    ///
    /// - Parameters: as above; `start` is the last sequence reported to the observer, in the current ``EventLog/epoch``, 0 for none;
    ///   `stamp` is that of the last message reported, used to recognise the log.
    public convenience init(
        log: EventLog,
        after start: UInt64,
        stamp: LogStamp? = nil,
        observer: any LogObserver,
        logger: Logger
    ) {
        self.init(log: log, tailBytes: 0, start: start, stamp: stamp, observer: observer, logger: logger)
    }

    private init(log: EventLog, tailBytes: Int, start: UInt64?, stamp: LogStamp?, observer: any LogObserver, logger: Logger) {
        self.log = log
        self.tailBytes = tailBytes
        self.observer = observer
        self.logger = logger
        tail = LogTail(maxBytes: tailBytes)
        progress = Mutex(FeedProgress(epoch: log.epoch, start: start, stamp: stamp))
        faults = FaultLog(logger: logger)
    }

    /// The last sequence reported to the observer. Any thread.
    public var position: UInt64 { told.load(ordering: .acquiring) }

    /// Whether the feed is live: it has reported everything the log held when its reading began, and the server is responding.
    /// False before that, and while the bus is unreachable. Any thread.
    public var isFollowing: Bool { following.load(ordering: .acquiring) }

    /// The message why the log is not followed; nil while it is, or when unknown. Any thread.
    public var interruption: String? { failure.withLock { $0 } }

    /// Counters since the start. Any thread.
    public var statistics: Statistics {
        Statistics(
            entries: entries.load(ordering: .relaxed),
            pending: pending.load(ordering: .relaxed),
            consumers: consumers.load(ordering: .relaxed),
            replacements: replacements.load(ordering: .relaxed),
            missed: progress.withLock { $0.missed },
            skipped: faults.totals
        )
    }

    /// Follows the log until the task is cancelled, then returns. Call once per feed.
    ///
    /// - Throws: a permanent ``EventLogError``: the stream was replaced by an incompatible one, or the connection was closed.
    public func run() async throws(EventLogError) {
        let retention = Task { await self.followRetention() }
        defer { retention.cancel() }
        var pause = Backoff()
        while !Task.isCancelled {
            do throws(EventLogError) {
                try await log.watch.untilConnected()
                if try await followOnce() { pause.reset() }
            } catch {
                if error.code == .cancelled { return }
                guard error.isRetriable else { throw error }
                failure.withLock { $0 = error.message }
                logger.notice("cannot follow the log, trying again", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: pause.pause())
        }
    }

    /// Runs one consumer until it must be replaced; returns whether the feed was live meanwhile.
    private func followOnce() async throws(EventLogError) -> Bool {
        // The consumer delivers before its creation is answered, so reset on every exit, also without an answer.
        defer { following.store(false, ordering: .releasing) }
        await untilThereIsRoom()
        isOutdated.store(false, ordering: .releasing)
        let snapshot = try await log.inspect()
        let stamps = progress.withLock { $0.stamps }
        let start = try await begin(snapshot, isRecognised: stamps.isEmpty ? true : log.recognises(stamps))
        consumers.add(1, ordering: .relaxed)
        let selection = StreamConsumer.Selection(after: start, filter: nil, heartbeat: Self.heartbeat)
        let consumer = try await StreamConsumer.start(selection, on: log, delegate: self)
        failure.withLock { $0 = nil }
        updateFollowing()
        while !Task.isCancelled, consumer.isUnbroken, !mustStop, consumer.silence() < Self.maximumSilence {
            await broken.wait(atMost: Self.heartbeat)
        }
        consumer.stop()
        if isPaused.load(ordering: .acquiring) { return true }
        let wasLive = isFollowing
        if !Task.isCancelled { logger.notice("the feed was interrupted", metadata: [LogKey.position: "\(position)"]) }
        return wasLive
    }

    /// Whether the current consumer must be stopped although nothing it delivers is lost.
    private var mustStop: Bool { isPaused.load(ordering: .acquiring) || isOutdated.load(ordering: .acquiring) }

    /// Has the log inspected again, and the consumer replaced.
    private func inspectAgain() {
        isOutdated.store(true, ordering: .releasing)
        broken.raise()
    }

    /// Waits until the observer has room. No consumer is active meanwhile.
    private func untilThereIsRoom() async {
        while !observer.hasRoom, !Task.isCancelled { try? await Task.sleep(for: Self.roomInterval) }
        isPaused.store(false, ordering: .releasing)
    }

    /// Decides where to continue after a check of the stream. No consumer is active meanwhile.
    private func begin(_ snapshot: FeedProgress.StreamSnapshot, isRecognised: Bool?) async throws(EventLogError) -> UInt64 {
        let missedBefore = progress.withLock { $0.missed }
        let course = progress.withLock { $0.inspected(snapshot, tailBytes: tailBytes, isRecognised: isRecognised) }
        let missed = progress.withLock { $0.missed } - missedBefore
        if missed > 0 {
            logger.warning(
                "the log dropped entries before they were read: raise EVENT_LOG_MAX_BYTES or EVENT_LOG_MAX_AGE, or find out what holds this process up",
                metadata: [LogKey.missed: "\(missed)", LogKey.position: "\(position)", LogKey.firstSequence: "\(snapshot.first)"]
            )
        }
        switch course {
        case .begin(let after):
            let time = try? await log.time(at: after)
            tail.reset(to: after, time: time)
            observer.logAdvanced(to: after, time: time)
            told.store(after, ordering: .releasing)
            return after
        case .resume(let after):
            return after
        case .lookAgain:
            throw .unavailable("The log seems shorter than it was. Perhaps its new leader has not caught up yet.")
        case .restart(let epoch, let position):
            logger.warning(
                "the log was replaced or restored from an older copy; readers are told, and go on from here",
                metadata: [LogKey.position: "\(position)"]
            )
            replacements.add(1, ordering: .relaxed)
            let time = try? await log.time(at: position)
            tail.reset(to: position)
            observer.logReplaced(epoch: epoch, position: position, time: time)
            // Not before: an observer that does not know of it yet would get the time of the new message for its former place.
            tail.reset(to: position, time: time)
            told.store(position, ordering: .releasing)
            return position
        case .passOver(let position):
            replacements.add(1, ordering: .relaxed)
            tail.reset(to: position)
            observer.logPassedOver(through: position)
            told.store(position, ordering: .releasing)
            return position
        }
    }

    // MARK: Retention

    /// Checks retention once a second and whenever sequences were skipped, and trims the tail.
    private func followRetention() async {
        while !Task.isCancelled {
            await skipped.wait(atMost: Self.retentionInterval)
            guard log.isConnected, let epoch = progress.withLock({ $0.knownEpoch }), let retention = try? await log.retention() else {
                continue
            }
            guard retention.epoch == epoch else {
                // A consumer is lost with its stream, but one that was created just after the inspection may be of the new one.
                inspectAgain()
                continue
            }
            tail.trim(to: retention)
            observer.logTrimmed(to: retention)
            if !progress.withLock({ $0.verified(first: retention.firstSequence) }) { inspectAgain() }
        }
    }

    /// Sets the feed live once everything present was reported. Called while a consumer is active.
    private func updateFollowing() {
        if progress.withLock({ $0.hasCaughtUp }) { following.store(true, ordering: .releasing) }
    }
}

extension LogFeed: StreamConsumerDelegate {
    func messageDelivered(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) {
        guard !pauses() else { return }
        let sequence = metadata.streamSequence
        let stamp = LogStamp(sequence: sequence, storedAt: metadata.timestamp)
        let (isNew, isFirst, isSkipping) = progress.withLock { progress in
            let isFirst = progress.isFirst
            return (progress.delivered(stamp), isFirst, progress.skippedAfter != nil)
        }
        guard isNew else { return }
        // The log's start may have moved since the starting position was chosen.
        if isFirst, sequence > tail.position + 1 { tail.reset(to: sequence - 1) }
        if isSkipping { skipped.raise() }
        pending.store(metadata.pending, ordering: .relaxed)
        observer.logDelivered(stamp)
        if let entry = entry(delivery, metadata) {
            tail.append(entry)
            entries.add(1, ordering: .relaxed)
            observer.logAppended(entry)
        } else {
            if let entry = followedExecution(delivery, metadata) { observer.executionAppended(entry) }
            let storedAt = Timestamp(serverNanoseconds: metadata.timestamp)
            tail.advance(to: sequence, time: storedAt)
            observer.logAdvanced(to: sequence, time: storedAt)
        }
        told.store(sequence, ordering: .releasing)
        if !following.load(ordering: .relaxed) { updateFollowing() }
    }

    /// Whether this consumer's messages are refused, because the observer has no room.
    private func pauses() -> Bool {
        if isPaused.load(ordering: .relaxed) { return true }
        guard !observer.hasRoom else { return false }
        isPaused.store(true, ordering: .releasing)
        broken.raise()
        return true
    }

    func everythingDelivered(through sequence: UInt64) {
        guard !pauses() else { return }
        pending.store(0, ordering: .relaxed)
        let (isNew, isSkipping) = progress.withLock { ($0.passed(sequence), $0.skippedAfter != nil) }
        if isSkipping { skipped.raise() }
        if isNew {
            tail.advance(to: sequence, time: nil)
            observer.logAdvanced(to: sequence, time: nil)
            told.store(sequence, ordering: .releasing)
        }
        updateFollowing()
    }

    func deliveryBroken() { broken.raise() }

    private func entry(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) -> LogEntry? {
        EventMessage.isOfEvent(delivery) ? decoded(delivery, metadata) : nil
    }

    private func followedExecution(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) -> LogEntry? {
        let isFollowed = delivery.withSubject { ExecutionMessage.isOfExecution($0) && observer.followsExecution(on: $0) }
        return isFollowed ? decoded(delivery, metadata) : nil
    }

    private func decoded(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) -> LogEntry? {
        do throws(ValidationError) {
            return try EventMessage.entry(delivery, metadata)
        } catch {
            faults.record(error, sequence: metadata.streamSequence, subject: delivery.subject)
            return nil
        }
    }
}
