public import AccessControl
public import Basics
import EventLog
public import Logging
import Metrics
import NATSClient
import Synchronization

/// Keeps a process's ``Revocations`` up to date: reads the stream from its beginning, then follows it (contract §13). ``LogSession`` runs it.
///
/// Condition `revocations` of the readiness: met while the stream is followed. While it is not, the process serves on with the revocations that it
/// knows.
public final class RevocationFollower: Sendable {
    /// Ends what open connections a revocation concerns. The revocation is in the set already.
    public typealias Ending = @Sendable (Revocation) async -> Void

    /// The set that it fills.
    package let revocations: Revocations
    private let maximumTokenLife: Duration
    private let logger: Logger
    private let now: WallClock
    private let end: Ending?
    /// Of a process with connections to end.
    private let closing: Metrics.Timer?
    /// Why the stream is not followed; nil while it is.
    private let interruption = Mutex<String?>("the revoked tokens have not been read yet")
    private let sweptAt = Mutex<Int64>(0)

    /// The last sequence of the stream up to which the set is complete; 0 while the stream is read again from its beginning.
    package let position = PositionGate()

    /// How often expired entries are removed, at most, in milliseconds.
    private static let sweepInterval: Int64 = 60_000
    /// The name of the metric: from the time at which a revocation was stored until the last connection of the process that it concerns was ended.
    static let closingMetric = "causeway_revocation_close"

    /// - Parameters:
    ///   - revocations: The set to fill.
    ///   - maximumTokenLife: The longest time between the issue of a token and its `exp`.
    ///   - now: milliseconds since 1970 UTC.
    ///   - end: Called for each revocation that arrives after the stored ones were read; nil in a process without connections to end.
    public init(
        _ revocations: Revocations,
        maximumTokenLife: Duration,
        readiness: Readiness,
        logger: Logger,
        now: @escaping WallClock = SystemClock.now,
        end: Ending? = nil
    ) {
        self.revocations = revocations
        self.maximumTokenLife = maximumTokenLife
        self.logger = logger
        self.now = now
        self.end = end
        closing = end.map { _ in Metrics.Timer(label: Self.closingMetric) }
        readiness.observe("revocations") { [weak self] in self?.interruption.withLock { $0 }.map { .notReady($0) } ?? .ready }
    }

    /// Follows the stream until the task is cancelled.
    ///
    /// - Throws: ``EventLogError/Code/incompatibleStream``, ``EventLogError/Code/closed``, ``EventLogError/Code/cancelled``, `CancellationError`.
    func run(beside log: EventLog) async throws {
        // Ending connections takes a round through all loops for each revocation: those that follow are in the set before, so that their tokens are
        // refused. The queue has less of a revocation than the set.
        let (added, queue) = AsyncStream.makeStream(of: Added.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { await self.endConnections(added) }
            try await self.follow(log, queue)
        }
    }

    private func follow(_ log: EventLog, _ queue: AsyncStream<Added>.Continuation) async throws {
        let stream = RevocationStream(beside: log, maximumTokenLife: maximumTokenLife).followed
        var pause = Backoff()
        while true {
            do throws(EventLogError) {
                // What follows may be another stream than before.
                position.reset()
                try await stream.follow { messages, position, isCaughtUp in self.apply(messages, position, isCaughtUp: isCaughtUp, queue) }
            } catch {
                switch error.code {
                case .cancelled, .closed, .incompatibleStream: throw error
                default: break
                }
                if interrupt(because: error) { pause.reset() }
                try await Task.sleep(for: pause.pause())
            }
        }
    }

    /// Records and logs why the stream is not followed. Returns whether it was until now.
    private func interrupt(because error: EventLogError) -> Bool {
        let consequence = revocations.isRead ? "tokens revoked since are not refused" : "the revoked tokens have not been read yet"
        let wasFollowing = interruption.withLock { interruption in
            defer { interruption = "\(consequence): \(error.message)" }
            return interruption == nil
        }
        logger.notice(
            "cannot follow the revoked tokens, trying again",
            metadata: [LogKey.stream: "\(EventLogConfiguration.revocationsName)", LogKey.error: "\(error)"]
        )
        return wasFollowing
    }

    /// A revocation that changed the set, with the time at which it was stored, in nanoseconds since 1970 UTC.
    private typealias Added = (revocation: Revocation, timestamp: UInt64)

    private func apply(_ messages: [JetStreamMessage], _ position: UInt64, isCaughtUp: Bool, _ queue: AsyncStream<Added>.Continuation) {
        for message in messages { apply(message, queue) }
        removeExpired()
        self.position.advance(to: position)
        guard isCaughtUp else { return }
        revocations.markRead()
        interruption.withLock { $0 = nil }
    }

    private func apply(_ message: JetStreamMessage, _ queue: AsyncStream<Added>.Continuation) {
        guard let revocation = RevocationStream.revocation(subject: message.message.subject, body: message.message.payload) else {
            return logger.warning(
                "skipped a message that is no revocation",
                metadata: [
                    LogKey.stream: "\(EventLogConfiguration.revocationsName)", LogKey.sequence: "\(message.metadata.streamSequence)",
                ]
            )
        }
        guard now() < revocation.expiresAt, revocations.add(revocation), end != nil, revocations.isRead else { return }
        queue.yield((revocation, message.metadata.timestamp))
    }

    /// Ends what open connections the revocations concern, one after another, until the task is cancelled.
    private func endConnections(_ added: AsyncStream<Added>) async {
        guard let end else { return }
        for await (revocation, timestamp) in added {
            await end(revocation)
            // The clock of the server that stored it may be ahead.
            closing?.recordNanoseconds(max(0, now() - Int64(timestamp / 1_000_000)) * 1_000_000)
        }
    }

    private func removeExpired() {
        let time = now()
        let isDue = sweptAt.withLock { sweptAt in
            guard time - sweptAt >= Self.sweepInterval else { return false }
            sweptAt = time
            return true
        }
        if isDue { revocations.removeExpired(at: time) }
    }
}
