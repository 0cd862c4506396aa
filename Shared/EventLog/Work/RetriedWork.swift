public import Logging
import NATSClient

/// Processes the dead letters of one kind of work that operators want retried; shared by any number of processes.
public struct RetriedWork<Item: Sendable>: Sendable {
    private let source: WorkSource<Item>
    private let letters: DeadLetters
    private let name: String
    private let logger: Logger
    private let standing = ReadingStanding()

    /// - Parameters:
    ///   - source: The stream that the letters are about.
    ///   - name: The kind of work.
    public init(of source: WorkSource<Item>, letters: DeadLetters, name: String, logger: Logger) {
        self.source = source
        self.letters = letters
        self.name = name
        self.logger = logger
    }

    /// The message why no retries run; nil while they run.
    public var fault: String? { standing.fault }

    /// Runs requested retries until the task is cancelled. Work that fails again becomes a letter again.
    ///
    /// - Throws: ``EventLogError/Code/closed``. Outages are retried.
    public func run(_ handle: @escaping @Sendable (Item) async -> WorkOutcome) async throws(EventLogError) {
        let queue = WorkQueue(
            log: letters.log,
            stream: DeadLetters.streamName,
            filter: DeadLetters.retries(of: name),
            name: name,
            standing: standing,
            logger: logger
        )
        try await queue.run(
            prepare: { () throws(EventLogError) in _ = try await letters.stream.ensure() },
            process: { await process($0, handle) }
        )
    }

    private func process(
        _ message: JetStreamMessage,
        _ handle: @Sendable (Item) async -> WorkOutcome
    ) async -> JetStream.Acknowledgement {
        guard let letter = DeadLetter(json: message.message.payload) else { return .never }
        let id = message.metadata.streamSequence
        let item = WorkItem(
            work: name,
            subject: letter.subject,
            sequence: letter.sequence,
            attempts: message.metadata.deliveryCount,
            occasion: "retry.\(id)"
        )
        let acknowledgement = await letters.settle(item, await outcome(letter, handle), logger)
        if case .again = acknowledgement { return acknowledgement }
        try? await letters.delete(id)
        return acknowledgement
    }

    private func outcome(_ letter: DeadLetter, _ handle: @Sendable (Item) async -> WorkOutcome) async -> WorkOutcome {
        do throws(EventLogError) {
            guard let message = try await source.message(letter) else { return .failed("The stream does not hold the entry any more.") }
            return await source.outcome(of: message, handle)
        } catch {
            return .of(error)
        }
    }
}
