import Basics
import EventModel
public import Logging
import NATSClient

/// A named reading of the log, or of a stream beside it, shared by any number of processes: each entry is handled by one of them, and by another if
/// that one dies before it is done.
///
/// The server keeps the position (durable pull consumer). Delivery is at least once; a handler makes it exactly once by an idempotent
/// effect, such as ``EventLog/append(_:onceAt:messageID:intake:timeout:)``.
///
/// No entry blocks another: a permanent failure, malformed messages included, becomes a ``DeadLetter``; a temporary failure is retried
/// individually, with backoff.
public struct SharedReading<Item: Sendable>: Sendable {
    private let log: EventLog
    private let source: WorkSource<Item>
    private let name: String
    private let filter: String
    private let letters: DeadLetters
    private let logger: Logger
    private let backlog = Backlog()
    private let standing = ReadingStanding()
    private let retried: RetriedWork<Item>

    /// Creates a reading; ``run(_:)`` starts it.
    ///
    /// - Parameters:
    ///   - source: The stream to read.
    ///   - letters: The dead letters beside the same log.
    ///   - name: The name shared by its processes: `[A-Za-z0-9_-]+`.
    ///   - filter: The subject filter; one, the maximum of nats-server 2.9.
    public init(of source: WorkSource<Item>, name: String, filter: String, letters: DeadLetters, logger: Logger) {
        log = letters.log
        self.source = source
        self.name = name
        self.filter = filter
        self.letters = letters
        self.logger = logger
        retried = RetriedWork(of: source, letters: letters, name: name, logger: logger)
    }

    /// Reads until the task is cancelled, from the shared position; at first from the oldest entry kept. Also runs the retries of dead letters
    /// that operators request.
    ///
    /// - Parameter handle: called for several entries concurrently, in no order.
    /// - Throws: ``EventLogError/Code/closed``. Outages are retried.
    public func run(_ handle: @escaping @Sendable (Item) async -> WorkOutcome) async throws(EventLogError) {
        let queue = WorkQueue(
            log: log,
            stream: source.stream,
            filter: filter,
            name: name,
            standing: standing,
            logger: logger
        )
        let failure = await withTaskGroup(of: EventLogError?.self) { group in
            group.addTask {
                do throws(EventLogError) {
                    try await queue.run(prepare: source.prepare, process: { await process($0, handle) })
                    return nil
                } catch {
                    return error
                }
            }
            group.addTask {
                do throws(EventLogError) {
                    try await retried.run(handle)
                    return nil
                } catch {
                    return error
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        if let failure { throw failure }
    }

    /// The message why entries or requested retries are not handled; nil while they are.
    public var fault: String? { standing.fault ?? retried.fault }

    /// Number of entries that the log dropped before any process got them, as far as this process knows.
    public var missed: UInt64 { backlog.missed }

    private func recordMissed(before metadata: DeliveryMetadata) {
        let missed = backlog.delivered(metadata)
        guard missed > 0 else { return }
        logger.error(
            "the log dropped entries before they were handled: raise EVENT_LOG_MAX_BYTES or EVENT_LOG_MAX_AGE, or find out what holds the handling up",
            metadata: [LogKey.work: "\(name)", LogKey.missed: "\(missed)", LogKey.sequence: "\(metadata.streamSequence)"]
        )
    }

    private func process(
        _ message: JetStreamMessage,
        _ handle: @Sendable (Item) async -> WorkOutcome
    ) async -> JetStream.Acknowledgement {
        let metadata = message.metadata
        recordMissed(before: metadata)
        let item = WorkItem(
            work: name,
            subject: message.message.subject,
            sequence: metadata.streamSequence,
            attempts: metadata.deliveryCount
        )
        return await letters.settle(item, await source.outcome(of: StoredMessage(message), handle), logger)
    }
}
