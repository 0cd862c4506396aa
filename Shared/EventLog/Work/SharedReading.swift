import Basics
import EventModel
public import Logging
import NATSClient

/// A reading of the log under a name, which any number of processes share: each entry is handled by one of them, and by another if that one
/// dies before it is done.
///
/// The server keeps how far the reading is (a durable pull consumer). An entry is handled at least once; a handler makes that exactly once by doing
/// something that cannot be done twice, such as ``EventLog/append(_:onceAt:messageID:intake:timeout:)``.
public struct SharedReading: Sendable {
    /// What a handler says of an entry.
    public enum Outcome: Sendable, Hashable {
        /// It is done.
        case done
        /// It could not be done now: it comes again, to whoever is free then.
        case again(after: Duration)
    }

    private let log: EventLog
    private let name: String
    private let filter: String
    private let logger: Logger
    private let faults: FaultLog
    private let backlog = Backlog()

    /// How long a process may be busy with an entry before another gets it; what the death of a process delays an entry by.
    private static let patience: Duration = .seconds(3)
    /// How long the server holds a request for entries open.
    private static let wait: Duration = .seconds(2)
    /// How many entries are handled at a time.
    private static let concurrency = 64

    /// A reading that has not begun.
    ///
    /// - Parameters:
    ///   - name: the name that its processes know it by: `[A-Za-z0-9_-]+`.
    ///   - filter: the subjects to read; one filter, as nats-server 2.9 knows no more.
    public init(of log: EventLog, name: String, filter: String, logger: Logger) {
        self.log = log
        self.name = name
        self.filter = filter
        self.logger = logger
        faults = FaultLog(logger: logger)
    }

    /// Reads until the task is cancelled, from where the processes of this name have got to; the first one begins with the oldest entry kept.
    ///
    /// - Parameter handle: called for several entries at a time, in no order.
    /// - Throws: ``EventLogError/Code/closed``. Outages are waited for.
    public func run(_ handle: @escaping @Sendable (LogEntry) async -> Outcome) async throws(EventLogError) {
        var pause = Backoff()
        while !Task.isCancelled {
            do throws(EventLogError) {
                try await log.watch.untilConnected()
                try await ensureConsumer()
                pause.reset()
                try await read(handle)
            } catch {
                if error.code == .cancelled { return }
                guard error.code != .closed else { throw error }
                logger.notice("a shared reading was interrupted", metadata: ["log.reading": "\(name)", "error": "\(error)"])
                try? await Task.sleep(for: pause.pause())
            }
        }
    }

    /// Makes the consumer, unless it is there.
    private func ensureConsumer() async throws(EventLogError) {
        var consumer = ConsumerConfiguration.pull(durable: name)
        consumer.filterSubject = filter
        consumer.ackWait = Self.patience
        do throws(JetStreamError) {
            _ = try await log.jetStream.createConsumer(stream: log.configuration.streamName, consumer)
        } catch {
            throw EventLogError(error)
        }
    }

    private func read(_ handle: @escaping @Sendable (LogEntry) async -> Outcome) async throws(EventLogError) {
        var pending: UInt64 = 0
        while !Task.isCancelled {
            // A request for one is answered at once; only where more is known to wait, more is asked for.
            let batch = max(1, min(Int(clamping: pending), Self.concurrency))
            let messages: [JetStreamMessage]
            do throws(JetStreamError) {
                messages = try await log.jetStream.nextMessages(
                    stream: log.configuration.streamName,
                    consumer: name,
                    batch: batch,
                    wait: Self.wait
                )
            } catch {
                throw EventLogError(error)
            }
            pending = messages.last?.metadata.pending ?? 0
            for message in messages { recordMissed(before: message.metadata) }
            await withTaskGroup(of: Void.self) { group in
                for message in messages { group.addTask { await self.process(message, handle) } }
            }
        }
    }

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

    private func process(_ message: JetStreamMessage, _ handle: @Sendable (LogEntry) async -> Outcome) async {
        let acknowledgement: JetStream.Acknowledgement
        do throws(ValidationError) {
            switch await handle(try EventMessage.entry(message)) {
            case .done: acknowledgement = .done
            case .again(let delay): acknowledgement = .again(after: delay)
            }
        } catch {
            faults.record(error, sequence: message.metadata.streamSequence, subject: message.message.subject)
            acknowledgement = .never
        }
        // What is lost here comes again, and is found done.
        try? await log.jetStream.acknowledge(message, as: acknowledgement)
    }
}
