import Basics
import EventModel
public import Logging
import NATSClient
import Synchronization

/// The one feed of a process: follows the whole log live, fills the tail, and tells an observer.
///
/// 1. At the start it reads the end of the log, as much as the tail holds, and then follows.
/// 2. It reads through a push consumer that needs no acknowledgement, from its position on, and makes a new one whenever the
///    connection was lost, the server fell silent, or a delivery is missing. What it has told already is dropped.
///    So sequences strictly increase and nothing is lost or told twice, however often the server dies.
/// 3. Messages that are no events are skipped, logged at a limited rate and counted; executions are passed over unless the
///    observer follows them.
/// 4. When the log was deleted and made anew, lost its end, or was restored from an older copy (the last messages are recognised by sequence
///    and stored time), it says so and goes on at the end of the new one; a log that is missing is created with the configuration of the `EventLog`.
/// 5. It compares the sequences that come with what the log still keeps, and says so when the log dropped what was not read yet.
/// 6. While its observer has no room it does not read (``LogObserver/hasRoom``).
/// 7. Once a second it asks what the log keeps, and forgets what it does not.
public final class LogFeed: Sendable {
    /// Figures since the start.
    public struct Statistics: Sendable {
        /// Entries taken in.
        public var entries: UInt64 = 0
        /// Messages that the server had still to deliver when it delivered the last one that was told.
        public var pending: UInt64 = 0
        /// How often the reading was begun anew: 1 while nothing ever went wrong.
        public var consumers: UInt64 = 0
        /// How often the log was replaced, or lost what had not been read yet.
        public var replacements: UInt64 = 0
        /// Sequences that the log dropped, or may have dropped, before they could be read.
        public var missed: UInt64 = 0
        /// Messages that were no events, by what was wrong with them.
        public var skipped: [String: UInt64] = [:]
    }

    /// The last entries, for readers that are not quite live.
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
    /// Whether the observer had no room for what the current consumer brought.
    private let isPaused = Atomic<Bool>(false)
    /// Raised when the current consumer is of no more use.
    private let broken = Signal()
    /// Raised when sequences were skipped that must be accounted for.
    private let skipped = Signal()

    /// How often the server gives a sign of life when there is nothing to deliver.
    static let heartbeat: Duration = .milliseconds(500)
    /// How long it may be silent: three signs.
    static let maximumSilence: Duration = .milliseconds(1500)
    /// How often the feed asks what the log keeps.
    static let retentionInterval: Duration = .seconds(1)
    /// How often it asks an observer without room whether it has some.
    static let roomInterval: Duration = .milliseconds(5)

    /// A feed that has not begun.
    ///
    /// - Parameters:
    ///   - log: what to follow.
    ///   - tailBytes: the bound of the tail; the design's default is 128 MiB.
    ///   - observer: is told everything, from the start of the tail on. It takes the log's epoch to be what ``EventLog/epoch`` is at this call
    ///     until it is told otherwise.
    ///   - logger: gets a line when the feed loses and finds its log.
    public convenience init(log: EventLog, tailBytes: Int, observer: any LogObserver, logger: Logger) {
        self.init(log: log, tailBytes: tailBytes, start: nil, stamp: nil, observer: observer, logger: logger)
    }

    /// A feed that has not begun, for an observer that keeps what it was told and knows how far that is: it is told what comes behind `start`,
    /// or behind the first entry that is still kept. The tail holds hardly anything.
    ///
    /// - Parameters: as above; and `start`, the last sequence that the observer was told of the log whose ``EventLog/epoch`` is current, 0 for none;
    ///   and `stamp`, the message that it was told last, by which the log is recognised.
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

    /// Everything up to here was told to the observer. Any thread.
    public var position: UInt64 { told.load(ordering: .acquiring) }

    /// Whether the feed is live: it has told everything the log held when its reading began, and has heard of the server just now.
    /// False from the start until then, and whenever the bus is away. Any thread.
    public var isFollowing: Bool { following.load(ordering: .acquiring) }

    /// Why the log is not followed, as a sentence; nil while it is, and where that is not known. Any thread.
    public var interruption: String? { failure.withLock { $0 } }

    /// Figures since the start. Any thread.
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

    /// Follows the log until the task is cancelled, then returns. Once in the life of a feed.
    ///
    /// - Throws: an ``EventLogError`` that waiting does not mend: the stream was replaced by one that cannot be the log, or the connection
    ///   was closed.
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
                logger.notice("cannot follow the log, trying again", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: pause.pause())
        }
    }

    /// Makes one consumer and returns when it is of no more use, with whether the feed was live meanwhile.
    private func followOnce() async throws(EventLogError) -> Bool {
        // The consumer delivers before its creation is answered, so this holds for every way out, that of no answer included.
        defer { following.store(false, ordering: .releasing) }
        await untilThereIsRoom()
        let snapshot = try await log.inspect()
        let stamps = progress.withLock { $0.stamps }
        let start = try await begin(snapshot, isRecognised: stamps.isEmpty ? true : log.recognises(stamps))
        consumers.add(1, ordering: .relaxed)
        let selection = StreamConsumer.Selection(after: start, filter: nil, heartbeat: Self.heartbeat)
        let consumer = try await StreamConsumer.start(selection, on: log, delegate: self)
        failure.withLock { $0 = nil }
        updateFollowing()
        while !Task.isCancelled, consumer.isUnbroken, !isPaused.load(ordering: .acquiring), consumer.silence() < Self.maximumSilence {
            await broken.wait(atMost: Self.heartbeat)
        }
        consumer.stop()
        if isPaused.load(ordering: .acquiring) { return true }
        let wasLive = isFollowing
        if !Task.isCancelled { logger.notice("the feed was interrupted", metadata: ["log.position": "\(position)"]) }
        return wasLive
    }

    /// Returns when the observer has room. No consumer is active meanwhile.
    private func untilThereIsRoom() async {
        while !observer.hasRoom, !Task.isCancelled { try? await Task.sleep(for: Self.roomInterval) }
        isPaused.store(false, ordering: .releasing)
    }

    /// Settles where to go on after a look at the stream. No consumer is active meanwhile.
    private func begin(_ snapshot: FeedProgress.StreamSnapshot, isRecognised: Bool?) async throws(EventLogError) -> UInt64 {
        let missedBefore = progress.withLock { $0.missed }
        let course = progress.withLock { $0.inspected(snapshot, tailBytes: tailBytes, isRecognised: isRecognised) }
        let missed = progress.withLock { $0.missed } - missedBefore
        if missed > 0 {
            logger.warning(
                "the log dropped entries before they were read: raise LOG_MAX_BYTES or LOG_MAX_AGE, or find out what holds this process up",
                metadata: ["log.missed": "\(missed)", "log.position": "\(position)", "log.first": "\(snapshot.first)"]
            )
        }
        switch course {
        case .begin(let after):
            let time = try? await log.time(at: after)
            tail.reset(to: after)
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
                metadata: ["log.position": "\(position)"]
            )
            replacements.add(1, ordering: .relaxed)
            let time = try? await log.time(at: position)
            tail.reset(to: position)
            observer.logReplaced(epoch: epoch, position: position, time: time)
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

    // MARK: What the log keeps

    /// Asks what the log keeps, once a second and whenever sequences were skipped, and has what it does not keep forgotten.
    private func followRetention() async {
        while !Task.isCancelled {
            await skipped.wait(atMost: Self.retentionInterval)
            guard log.isConnected, let epoch = progress.withLock({ $0.knownEpoch }), let retention = try? await log.retention() else {
                continue
            }
            // Another life of the log is found by the inspection that follows the loss of the consumer.
            guard retention.epoch == epoch else { continue }
            tail.trim(to: retention)
            observer.logTrimmed(to: retention)
            if !progress.withLock({ $0.verified(first: retention.firstSequence) }) { broken.raise() }
        }
    }

    /// Live when everything is told that was there; called while a consumer is active.
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
        // The log's old end may have moved since the place to begin at was chosen.
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

    /// Whether nothing more is taken from this consumer, because the observer has no room.
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
