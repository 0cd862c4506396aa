import Basics
import EventModel
public import Logging
import NATSClient

/// A reading of the log under a name, which any number of processes share: each entry is handled by one of them, and by another if that one
/// dies before it is done.
///
/// The server keeps how far the reading is (a durable pull consumer). An entry is handled at least once; a handler makes that exactly once by doing
/// something that cannot be done twice, such as ``EventLog/append(_:onceAt:messageID:intake:timeout:)``.
///
/// No entry holds another up: one that fails for its content, a message that is no event included, becomes a ``DeadLetter``, and one that something
/// outside keeps from being done comes again, each by itself and later each time.
public struct SharedReading: Sendable {
    private let log: EventLog
    private let name: String
    private let filter: String
    private let letters: DeadLetters
    private let logger: Logger
    private let backlog = Backlog()
    private let standing = ReadingStanding()
    private let retried: RetriedWork

    /// A reading that has not begun.
    ///
    /// - Parameters:
    ///   - letters: where what fails is set aside; its log is the one that is read.
    ///   - name: the name that its processes know it by: `[A-Za-z0-9_-]+`.
    ///   - filter: the subjects to read; one filter, as nats-server 2.9 knows no more.
    public init(name: String, filter: String, letters: DeadLetters, logger: Logger) {
        log = letters.log
        self.name = name
        self.filter = filter
        self.letters = letters
        self.logger = logger
        retried = RetriedWork(of: letters, name: name, logger: logger)
    }

    /// Reads until the task is cancelled, from where the processes of this name have got to; the first one begins with the oldest entry kept. Besides
    /// it, dead letters of this name are tried again that an operator asks for.
    ///
    /// - Parameter handle: called for several entries at a time, in no order.
    /// - Throws: ``EventLogError/Code/closed``. Outages are waited for.
    public func run(_ handle: @escaping @Sendable (LogEntry) async -> WorkOutcome) async throws(EventLogError) {
        let queue = WorkQueue(
            log: log,
            stream: log.configuration.streamName,
            filter: filter,
            name: name,
            standing: standing,
            logger: logger
        )
        let failure = await withTaskGroup(of: EventLogError?.self) { group in
            group.addTask {
                do throws(EventLogError) {
                    try await queue.run(process: { await process($0, handle) })
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

    /// Why entries, or dead letters that an operator wants to be tried again, are not handled, as a sentence; nil while they are.
    public var fault: String? { standing.fault ?? retried.fault }

    /// How many entries the log dropped before any process got them, as far as this one saw.
    public var missed: UInt64 { backlog.missed }

    private func recordMissed(before metadata: DeliveryMetadata) {
        let missed = backlog.delivered(metadata)
        guard missed > 0 else { return }
        logger.error(
            "the log dropped entries before they were handled: raise LOG_MAX_BYTES or LOG_MAX_AGE, or find out what holds the handling up",
            metadata: ["log.reading": "\(name)", "log.missed": "\(missed)", "log.sequence": "\(metadata.streamSequence)"]
        )
    }

    private func process(
        _ message: JetStreamMessage,
        _ handle: @Sendable (LogEntry) async -> WorkOutcome
    ) async -> JetStream.Acknowledgement {
        let metadata = message.metadata
        recordMissed(before: metadata)
        let item = WorkItem(
            work: name,
            subject: message.message.subject,
            sequence: metadata.streamSequence,
            attempts: metadata.deliveryCount
        )
        return await letters.settle(item, await Self.outcome(of: StoredMessage(message), handle), logger)
    }

    /// What becomes of the work on a message of the log.
    static func outcome(of message: StoredMessage, _ handle: @Sendable (LogEntry) async -> WorkOutcome) async -> WorkOutcome {
        let entry: LogEntry
        do throws(ValidationError) {
            entry = try EventMessage.entry(message)
        } catch {
            return .failed("The message is no event: \(error).")
        }
        return await handle(entry)
    }
}
