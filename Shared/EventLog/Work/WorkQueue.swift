import Basics
import Logging
import NATSClient
import Synchronization

/// A durable pull consumer that any number of processes take messages from, several at a time.
///
/// A message that is not done comes again; it holds none of the others up, as the next are asked for as soon as one of this process' places is free.
struct WorkQueue: Sendable {
    let log: EventLog
    /// The stream that is read, and the one filter of the consumer.
    let stream: String
    let filter: String
    /// The name by which its processes know the consumer: `[A-Za-z0-9_-]+`.
    let name: String
    /// Told whether messages are taken.
    let standing: ReadingStanding
    let logger: Logger

    /// How long a process may be busy with a message before another gets it; what the death of a process delays a message by.
    private static let patience: Duration = .seconds(3)
    /// How long the server holds a request for messages open.
    private static let wait: Duration = .seconds(2)
    /// How many messages a process handles at a time.
    private static let concurrency = 64
    /// How many messages may wait to come again before the server stops delivering. A tenant cannot fill this: what fails for its content is set aside
    /// at once, and what fails for another reason after ``WorkRetry/maximumAttempts``.
    private static let maximumWaiting = 100_000

    /// Handles messages until the task is cancelled.
    ///
    /// - Parameters:
    ///   - prepare: called before the consumer is made.
    ///   - process: called for several messages at a time, in no order.
    /// - Throws: ``EventLogError/Code/closed``. Outages are waited for.
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
                logger.notice("a shared reading was interrupted", metadata: ["log.reading": "\(name)", "error": "\(error)"])
                try? await Task.sleep(for: pause.pause())
            }
        }
    }

    /// Makes the consumer, or brings its settings up to date.
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
        // What it has done already is done once, however often it comes again.
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
                    // A request for one is answered at once; only where more is known to wait, more is asked for.
                    let messages = try await log.jetStream.nextMessages(
                        stream: stream,
                        consumer: name,
                        batch: max(1, min(Int(clamping: pending), free)),
                        wait: Self.wait
                    )
                    pending = messages.last?.metadata.pending ?? 0
                    places.take(messages.count)
                    for message in messages {
                        group.addTask {
                            let acknowledgement = await process(message)
                            // What is lost here comes again, and is found done.
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

/// How many messages a process may take more. Any thread; one task waits.
private final class FreePlaces: Sendable {
    private let count: Mutex<Int>
    private let freed = Signal()

    init(_ count: Int) {
        self.count = Mutex(count)
    }

    /// Waits until there is a free place. Returns how many there are; 0 when the task was cancelled.
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

/// When work comes again that could not be done: each item by itself, by how often it was tried.
enum WorkRetry {
    private static let first: Duration = .milliseconds(500)
    private static let longest: Duration = .seconds(300)
    /// How often work is tried that fails for another reason than its content: for some five hours.
    static let maximumAttempts: UInt64 = 64

    /// How long to wait before the next attempt: doubled each time, with chance in it.
    ///
    /// - Parameter attempts: how often it was tried.
    static func delay(after attempts: UInt64, chance: Double = .random(in: 0.75...1)) -> Duration {
        let doublings = Int(clamping: min(max(attempts, 1) - 1, 16))
        return min(first * (1 << doublings), longest) * chance
    }
}
