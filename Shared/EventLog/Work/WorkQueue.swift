import Basics
import Logging
import NATSClient
import Synchronization

/// A durable pull consumer shared by any number of processes, each with several messages at a time.
///
/// An unfinished message is redelivered and does not block others: the next ones are pulled as soon as one of this process's slots is free.
struct WorkQueue: Sendable {
    let log: EventLog
    /// The stream and the consumer's single filter.
    let stream: String
    let filter: String
    /// The consumer's name: `[A-Za-z0-9_-]+`.
    let name: String
    /// Records whether messages are processed.
    let standing: ReadingStanding
    let logger: Logger

    /// `ackWait`: how long a process may work on a message before another gets it; the delay after a process dies.
    private static let patience: Duration = .seconds(3)
    /// How long the server holds a pull request for one message open.
    private static let wait: Duration = .seconds(2)
    /// The same for several messages, which are returned together. The server sends those that wait at once, but its count of them may be too high for good
    /// (``StreamReading``): `DEADLETTERS` drops the oldest of a subject. Other processes also take messages that were counted.
    private static let waitForSeveral: Duration = .milliseconds(200)
    /// Maximum number of messages in work per process.
    private static let concurrency = 64
    /// Maximum number of unacknowledged messages before the server stops delivering. A tenant cannot exhaust it: permanent failures become letters
    /// at once, temporary ones after ``WorkRetry/maximumAttempts``.
    private static let maximumWaiting = 100_000

    /// Processes messages until the task is cancelled.
    ///
    /// - Parameters:
    ///   - prepare: Called before the consumer is created.
    ///   - process: Called for several messages concurrently, in no order.
    /// - Throws: ``EventLogError/Code/closed``. Outages are retried.
    func run(
        prepare: @Sendable () async throws(EventLogError) -> Void = { () throws(EventLogError) in },
        process: @escaping @Sendable (JetStreamMessage) async -> JetStream.Acknowledgement
    ) async throws(EventLogError) {
        var pause = Backoff(longest: .seconds(5))
        while !Task.isCancelled {
            do throws(EventLogError) {
                try await log.watch.untilConnected()
                try await prepare()
                try await ensureConsumer()
                standing.began()
                pause.reset()
                try await read(process)
            } catch {
                if error.code == .cancelled { return }
                standing.stopped(error.message)
                guard error.code != .closed else { throw error }
                logger.notice("a shared reading was interrupted", metadata: [LogKey.work: "\(name)", LogKey.error: "\(error)"])
                try? await Task.sleep(for: pause.pause())
            }
        }
    }

    /// Creates the consumer, or updates its settings.
    private func ensureConsumer() async throws(EventLogError) {
        var consumer = ConsumerConfiguration.pull(durable: name)
        consumer.filterSubject = filter
        consumer.ackWait = Self.patience
        consumer.maxAckPending = Self.maximumWaiting
        do throws(JetStreamError) {
            _ = try await log.jetStream.createConsumer(stream: stream, consumer)
        } catch {
            let meaning = EventLogError(error)
            guard !meaning.isRetriable, error.code.apiCode != nil else { throw meaning }
            throw EventLogError(code: meaning.code, message: "\(refusal) \(error.message) \(remedy(error))")
        }
    }

    private var refusal: String { "nats-server refuses the consumer \(name) of the stream \(stream), so \(name) stands still." }

    private func remedy(_ error: JetStreamError) -> String {
        guard error.code != .maximumConsumers else { return "Raise the number of consumers that the account and the stream may have." }
        // Safe: effects are idempotent, so redelivered messages have no second effect.
        return """
            If another kind of consumer has the name, run `nats consumer rm \(stream) \(name)`: it is created again and begins with the oldest message.
            """
    }

    private func read(_ process: @escaping @Sendable (JetStreamMessage) async -> JetStream.Acknowledgement) async throws(EventLogError) {
        let places = FreePlaces(Self.concurrency)
        let failure = await withDiscardingTaskGroup { group -> EventLogError? in
            var pending: UInt64 = 0
            while !Task.isCancelled {
                let free = await places.free()
                guard free > 0 else { return nil }
                do throws(JetStreamError) {
                    // Pull one message, answered at once; pull more only when more are known to wait.
                    let batch = max(1, min(Int(clamping: pending), free))
                    let messages = try await log.jetStream.nextMessages(
                        stream: stream,
                        consumer: name,
                        batch: batch,
                        wait: batch == 1 ? Self.wait : Self.waitForSeveral
                    )
                    pending = messages.last?.metadata.pending ?? 0
                    places.take(messages.count)
                    for message in messages {
                        group.addTask {
                            let acknowledgement = await process(message)
                            // A lost acknowledgement causes a redelivery, which finds the work done.
                            try? await log.jetStream.acknowledge(message, as: acknowledgement)
                            places.giveBack()
                        }
                    }
                } catch {
                    return EventLogError(error)
                }
            }
            return nil
        }
        if let failure { throw failure }
    }
}

/// Counts the process's free slots. Any thread; one task waits.
private final class FreePlaces: Sendable {
    private let count: Mutex<Int>
    private let freed = Signal()

    init(_ count: Int) {
        self.count = Mutex(count)
    }

    /// Waits for a free slot. Returns the number of free slots; 0 when the task was cancelled.
    func free() async -> Int {
        while !Task.isCancelled {
            let free = count.withLock { $0 }
            if free > 0 { return free }
            await freed.wait()
        }
        return 0
    }

    func take(_ places: Int) { count.withLock { $0 -= places } }

    func giveBack() {
        count.withLock { $0 += 1 }
        freed.raise()
    }
}

/// Backoff of temporarily failed work, per item and number of attempts.
enum WorkRetry {
    private static let first: Duration = .milliseconds(500)
    private static let longest: Duration = .seconds(300)
    /// Maximum number of attempts: some five hours.
    static let maximumAttempts: UInt64 = 64

    /// Returns the pause before the next attempt: exponential backoff with jitter.
    ///
    /// - Parameter attempts: Number of attempts so far.
    static func delay(after attempts: UInt64, chance: Double = .random(in: 0.75...1)) -> Duration {
        let doublings = Int(clamping: min(max(attempts, 1) - 1, 16))
        return min(first * (1 << doublings), longest) * chance
    }
}
