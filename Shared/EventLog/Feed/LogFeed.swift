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
/// 4. When the log was deleted and made anew, or lost its end, it says so and goes on at the end of the new one; a log that is missing is
///    created with the configuration of the `EventLog`.
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
    private let told = Atomic<UInt64>(0)
    private let following = Atomic<Bool>(false)
    private let entries = Atomic<UInt64>(0)
    private let pending = Atomic<UInt64>(0)
    private let consumers = Atomic<UInt64>(0)
    private let replacements = Atomic<UInt64>(0)
    /// Raised when the current consumer is of no more use.
    private let broken = Signal()

    /// How often the server gives a sign of life when there is nothing to deliver.
    static let heartbeat: Duration = .milliseconds(500)
    /// How long it may be silent: three signs.
    static let maximumSilence: Duration = .milliseconds(1500)

    /// A feed that has not begun.
    ///
    /// - Parameters:
    ///   - log: what to follow.
    ///   - tailBytes: the bound of the tail; the design's default is 128 MiB.
    ///   - observer: is told everything, from the start of the tail on. It takes the log's epoch to be what ``EventLog/epoch`` is at this call
    ///     until it is told otherwise.
    ///   - logger: gets a line when the feed loses and finds its log.
    public convenience init(log: EventLog, tailBytes: Int, observer: any LogObserver, logger: Logger) {
        self.init(log: log, tailBytes: tailBytes, start: nil, observer: observer, logger: logger)
    }

    /// A feed that has not begun, for an observer that keeps what it was told and knows how far that is: it is told what comes behind `start`,
    /// or behind the first entry that is still kept. The tail holds hardly anything.
    ///
    /// - Parameters: as above; and `start`, the last sequence that the observer was told of the log whose ``EventLog/epoch`` is current; 0 for none.
    public convenience init(log: EventLog, after start: UInt64, observer: any LogObserver, logger: Logger) {
        self.init(log: log, tailBytes: 0, start: start, observer: observer, logger: logger)
    }

    private init(log: EventLog, tailBytes: Int, start: UInt64?, observer: any LogObserver, logger: Logger) {
        self.log = log
        self.tailBytes = tailBytes
        self.observer = observer
        self.logger = logger
        tail = LogTail(maxBytes: tailBytes)
        progress = Mutex(FeedProgress(epoch: log.epoch, start: start))
        faults = FaultLog(logger: logger)
    }

    /// Everything up to here was told to the observer. Any thread.
    public var position: UInt64 { told.load(ordering: .acquiring) }

    /// Whether the feed is live: it has told everything the log held when its reading began, and has heard of the server just now.
    /// False from the start until then, and whenever the bus is away. Any thread.
    public var isFollowing: Bool { following.load(ordering: .acquiring) }

    /// Figures since the start. Any thread.
    public var statistics: Statistics {
        Statistics(
            entries: entries.load(ordering: .relaxed),
            pending: pending.load(ordering: .relaxed),
            consumers: consumers.load(ordering: .relaxed),
            replacements: replacements.load(ordering: .relaxed),
            skipped: faults.totals
        )
    }

    /// Follows the log until the task is cancelled, then returns. Once in the life of a feed.
    ///
    /// - Throws: an ``EventLogError`` that waiting does not mend: the stream was replaced by one that cannot be the log, or the connection
    ///   was closed.
    public func run() async throws(EventLogError) {
        var pause = Backoff()
        while !Task.isCancelled {
            do throws(EventLogError) {
                try await log.watch.untilConnected()
                if try await followOnce() { pause.reset() }
            } catch {
                if error.code == .cancelled { return }
                guard error.isRetriable else { throw error }
                logger.notice("the log cannot be followed at the moment", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: pause.pause())
        }
    }

    /// Makes one consumer and returns when it is of no more use, with whether the feed was live meanwhile.
    private func followOnce() async throws(EventLogError) -> Bool {
        // The consumer delivers before its creation is answered, so this holds for every way out, that of no answer included.
        defer { following.store(false, ordering: .releasing) }
        let start = try begin(await log.inspect())
        consumers.add(1, ordering: .relaxed)
        let selection = StreamConsumer.Selection(after: start, filter: nil, heartbeat: Self.heartbeat)
        let consumer = try await StreamConsumer.start(selection, on: log, delegate: self)
        updateFollowing()
        while !Task.isCancelled, consumer.isUnbroken, consumer.silence() < Self.maximumSilence {
            await broken.wait(atMost: Self.heartbeat)
        }
        consumer.stop()
        let wasLive = isFollowing
        if !Task.isCancelled { logger.notice("the feed was interrupted", metadata: ["log.position": "\(position)"]) }
        return wasLive
    }

    /// Settles where to go on after a look at the stream. No consumer is active meanwhile.
    private func begin(_ glimpse: FeedProgress.Glimpse) throws(EventLogError) -> UInt64 {
        let course = progress.withLock { $0.inspected(glimpse, tailBytes: tailBytes) }
        switch course {
        case .begin(let after):
            tail.reset(to: after)
            observer.logAdvanced(to: after)
            told.store(after, ordering: .releasing)
            return after
        case .resume(let after):
            return after
        case .lookAgain:
            throw .unavailable("The log seems shorter than it was. Perhaps its new leader has not caught up yet.")
        case .restart(let epoch, let position):
            logger.warning(
                "the log was replaced, or lost entries that were not read yet; readers are told, and go on from here",
                metadata: ["log.position": "\(position)"]
            )
            replacements.add(1, ordering: .relaxed)
            tail.reset(to: position)
            observer.logReplaced(epoch: epoch, position: position)
            told.store(position, ordering: .releasing)
            return position
        }
    }

    /// Live when everything is told that was there; called while a consumer is active.
    private func updateFollowing() {
        if progress.withLock({ $0.hasCaughtUp }) { following.store(true, ordering: .releasing) }
    }
}

extension LogFeed: StreamConsumerDelegate {
    func messageDelivered(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) {
        let sequence = metadata.streamSequence
        guard progress.withLock({ $0.delivered(sequence) }) else { return }
        pending.store(metadata.pending, ordering: .relaxed)
        if let entry = entry(delivery, metadata) {
            tail.append(entry)
            entries.add(1, ordering: .relaxed)
            observer.logAppended(entry)
        } else {
            if let entry = followedExecution(delivery, metadata) { observer.executionAppended(entry) }
            tail.advance(to: sequence)
            observer.logAdvanced(to: sequence)
        }
        told.store(sequence, ordering: .releasing)
        if !following.load(ordering: .relaxed) { updateFollowing() }
    }

    func everythingDelivered(through sequence: UInt64) {
        pending.store(0, ordering: .relaxed)
        if progress.withLock({ $0.passed(sequence) }) {
            tail.advance(to: sequence)
            observer.logAdvanced(to: sequence)
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
