public import Basics
public import EventLog
public import EventModel
import Synchronization

/// What an edge asks of the log itself: only for places older than the tail.
public protocol LogReading: Sendable {
    /// The tenant's events after a sequence; how far the answer is complete is part of it.
    func read(tenant: Tenant, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead
    /// The events of something that runs, as those of a tenant.
    func read(_ reference: ExecutionReference, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead
    /// How far the current execution has come; nil when there is none.
    func execution(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTail?
    /// First and last sequence that are kept.
    func bounds() async throws(EventLogError) -> LogBounds
}

extension EventLog: LogReading {}

/// The log behind the tail, as connections and the front see it.
///
/// Bounds are asked for at most once a moment however many ask: a fleet that returns with old cursors costs one question.
final class History: Sendable {
    /// The next piece of a tenant's past.
    enum Chunk: Sendable {
        /// Entries, and the sequence up to which they are all there is.
        case entries([LogEntry], through: UInt64)
        /// The place was thrown away; this is the first event still kept.
        case expired(missedBefore: Cursor)
        case unavailable
    }

    private let log: any LogReading
    private let tail: LogTail
    private let chunkBytes: Int
    private let now: @Sendable () -> MonotonicInstant
    private let recent = Mutex<(bounds: LogBounds, at: MonotonicInstant)?>(nil)

    private static let boundsLifetime: Duration = .milliseconds(200)

    init(log: any LogReading, tail: LogTail, chunkBytes: Int, now: @escaping @Sendable () -> MonotonicInstant) {
        self.log = log
        self.tail = tail
        self.chunkBytes = chunkBytes
        self.now = now
    }

    /// The log's bounds, at most ``boundsLifetime`` old unless `isFresh`.
    func bounds(isFresh: Bool = false) async throws(EventLogError) -> LogBounds {
        if !isFresh, let recent = self.recent.withLock({ $0 }), self.now() < recent.at.advanced(by: Self.boundsLifetime) {
            return recent.bounds
        }
        let asked = self.now()
        let bounds = try await self.log.bounds()
        self.recent.withLock { $0 = (bounds, asked) }
        return bounds
    }

    /// The answer to a client's cursor. Contract §3. The log itself is asked only where memory does not know.
    /// - Throws: when it would have to be asked and is out of reach.
    func start(for text: String?, fanout: Fanout) async throws(EventLogError) -> StreamStart {
        guard let text else { return .live }
        let feed = fanout.feed
        let cursor = Cursor(text)
        if let cursor, cursor.epoch == feed.epoch, cursor.sequence >= self.tail.floor, cursor.sequence <= feed.position.sequence {
            return .after(cursor)
        }
        // Perhaps from an edge whose feed is ahead, perhaps older than the tail, perhaps made up.
        let isBehind = cursor.map { $0.sequence <= feed.position.sequence } ?? false
        let bounds = try await self.bounds(isFresh: !isBehind)
        switch CursorResolution(text, bounds: bounds) {
        case .liveOnly: return .live
        case .oldest(let after):
            return .after(Cursor(time: bounds.firstCursor?.time ?? feed.time, epoch: bounds.epoch, sequence: after))
        case .resume(let after):
            return .after(Cursor(time: cursor?.time ?? feed.time, epoch: bounds.epoch, sequence: after))
        case .expired(let missedBefore, _): return .expired(missedBefore: missedBefore)
        case .unknown: return .unknownCursor
        }
    }

    /// The next piece after `sequence`, which is older than the tail.
    func read(tenant: Tenant, execution: ExecutionReference?, after sequence: UInt64) async -> Chunk {
        do throws(EventLogError) {
            let bounds = try await self.bounds()
            if sequence + 1 < bounds.firstSequence, let first = bounds.firstCursor {
                return .expired(missedBefore: first)
            }
            let through = bounds.lastSequence
            let read =
                if let execution {
                    try await self.log.read(execution, after: sequence, through: through, maxBytes: self.chunkBytes)
                } else {
                    try await self.log.read(tenant: tenant, after: sequence, through: through, maxBytes: self.chunkBytes)
                }
            return .entries(read.entries, through: read.position)
        } catch {
            return .unavailable
        }
    }
}
