import Basics
public import EventLog
public import EventModel

/// The edge's reads of the log itself: only for positions older than the tail.
public protocol LogReading: LogPlaces {
    /// Reads the source's events after a sequence. The result says up to where it is complete, and what is missing.
    func read(_ source: LogSource, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead
    /// The last number of the current execution; nil without an execution.
    func execution(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTail?
    /// The first and last sequence kept, as of this call or later.
    func bounds() async throws(EventLogError) -> LogBounds
}

extension EventLog: LogReading {}

/// Reads the log behind the tail, for connections and the front.
///
/// The log is asked only where memory does not know. Concurrent calls share a request for its bounds (``EventLog/bounds()``), and those of
/// a tenant with the same cursor share the whole lookup (single-flight); a tenant has a few lookups in flight, and the others wait.
final class History: Sendable {
    /// The key of a lookup.
    private struct Question: Hashable, Sendable {
        var tenant: Tenant
        var cursor: String
        /// The generation of the log of the lookup.
        var generation: UInt32
    }

    /// A piece of the past of a source.
    enum Chunk: Sendable {
        /// Entries, complete up to `through`. Entries before `missedBefore` may be missing: send that gap first.
        case entries([LogEntry], through: UInt64, missedBefore: Cursor?)
        /// Some of what follows the position was deleted; `missedBefore` is the first event kept.
        case expired(missedBefore: Cursor)
        case unavailable
    }

    private let log: any LogReading
    private let tail: LogTail
    private let chunkBytes: Int
    /// Limits the concurrent lookups of a tenant.
    let turns = TenantTurns(limit: 4)
    private let questions = SharedWork<Question, StreamStart, EventLogError>()

    init(log: any LogReading, tail: LogTail, chunkBytes: Int) {
        self.log = log
        self.tail = tail
        self.chunkBytes = chunkBytes
    }

    /// The log's bounds as of this call or later.
    func bounds() async throws(EventLogError) -> LogBounds { try await self.log.bounds() }

    /// The result of looking for a cursor in memory.
    private enum Recollection {
        case answer(StreamStart)
        /// The cursor is valid; entries after it may have been deleted.
        case valid(Cursor)
        case nothing
    }

    /// Resolves a client's cursor from memory alone; nil when the log has to be read. Never waits. Contract §3.
    func startAtOnce(for text: String, tenant: Tenant, _ feed: FeedPosition) -> StreamStart? {
        if case .answer(let start) = self.recall(text, tenant, feed) { start } else { nil }
    }

    /// Resolves a client's cursor. Contract §3. Reads the log only where memory does not know.
    /// - Throws: ``EventLogError`` when the log has to be read and is out of reach.
    func start(for text: String, tenant: Tenant, fanout: Fanout) async throws(EventLogError) -> StreamStart {
        let feed = fanout.feed
        switch self.recall(text, tenant, feed) {
        case .answer(let start): return start
        case .valid(let cursor):
            return try await self.turns.run(for: tenant) { () async throws(EventLogError) in
                try await self.startUnlessPurged(cursor, tenant, feed)
            }
        case .nothing: return try await self.answer(Question(tenant: tenant, cursor: text, generation: feed.position.generation), feed)
        }
    }

    private func recall(_ text: String, _ tenant: Tenant, _ feed: FeedPosition) -> Recollection {
        guard let cursor = Cursor(text), cursor.epoch == feed.epoch, cursor.sequence >= self.tail.floor,
            cursor.sequence <= feed.position.sequence
        else { return .nothing }
        switch self.tail.recognise(cursor, tenant: tenant) {
        case .own: return .answer(.after(cursor))
        case .foreign: return self.tail.deleted.mayContain(after: cursor.sequence) ? .valid(cursor) : .answer(.after(cursor))
        case .different: return .answer(.unknownCursor)
        case nil: return .nothing
        }
    }

    /// Looks a cursor up, single-flight: a cursor was issued before it is presented, so a lookup in flight is recent enough.
    private func answer(_ question: Question, _ feed: FeedPosition) async throws(EventLogError) -> StreamStart {
        try await self.questions.value(for: question) { () async throws(EventLogError) in
            try await self.turns.run(for: question.tenant) { () async throws(EventLogError) in
                try await self.lookUp(question.cursor, tenant: question.tenant, feed)
            }
        }
    }

    /// Resolves a cursor that memory does not know: from an edge whose feed is ahead, older than the tail, or made up.
    private func lookUp(_ text: String, tenant: Tenant, _ feed: FeedPosition) async throws(EventLogError) -> StreamStart {
        let cursor = Cursor(text)
        let bounds = try await self.bounds()
        switch CursorResolution(text, bounds: bounds) {
        case .liveOnly: return .live
        case .oldest(let after):
            return .after(Cursor(time: bounds.firstCursor?.time ?? feed.time, epoch: bounds.epoch, sequence: after))
        case .resume(let after):
            let cursor = Cursor(time: cursor?.time ?? feed.time, epoch: bounds.epoch, sequence: after)
            return try await self.start(at: cursor, tenant, bounds, feed)
        case .expired(let missedBefore, _): return .expired(missedBefore: missedBefore)
        case .unknown: return .unknownCursor
        }
    }

    /// Resolves a cursor within the log's bounds: compares its time with the message at its position.
    private func start(
        at cursor: Cursor,
        _ tenant: Tenant,
        _ bounds: LogBounds,
        _ feed: FeedPosition
    ) async throws(EventLogError) -> StreamStart {
        switch try await self.log.recognise(cursor, tenant: tenant, in: bounds) {
        case .own: return .after(cursor)
        case .foreign: return try await self.startUnlessPurged(cursor, tenant, feed)
        case .different: return .unknownCursor
        }
    }

    /// Resolves a cursor whose position holds no event of the tenant, or no longer.
    private func startUnlessPurged(_ cursor: Cursor, _ tenant: Tenant, _ feed: FeedPosition) async throws(EventLogError) -> StreamStart {
        if let first = try await self.firstAfterPurge(tenant, after: cursor.sequence, feed) { return .expired(missedBefore: first) }
        return .after(cursor)
    }

    /// Returns the tenant's first event kept after a position if anything was deleted between the two; nil otherwise.
    ///
    /// The purge rule (docs/architecture): a reader at an event of its tenant that is still kept misses only single deleted events.
    /// Otherwise anything deleted between the position and the tenant's next event may have been the tenant's.
    /// The rule depends on the log alone, so that every edge gives the same answer.
    private func firstAfterPurge(_ tenant: Tenant, after sequence: UInt64, _ feed: FeedPosition) async throws(EventLogError) -> Cursor? {
        let deleted = self.tail.deleted
        guard deleted.mayContain(after: sequence) else { return nil }
        let next = try await self.log.firstCursor(of: tenant, after: sequence)
        let end = next?.sequence ?? max(feed.position.sequence, sequence) + 1
        guard end > sequence + 1, deleted.mayContain(in: sequence + 1..<end) else { return nil }
        return next ?? feed.cursor(at: end)
    }

    /// Reads the next piece after `sequence`, which is older than the tail.
    ///
    /// - Parameter feed: the feed's position, after `sequence`: the log can be read up to there.
    func read(_ source: LogSource, after sequence: UInt64, feed: FeedPosition) async -> Chunk {
        do throws(EventLogError) {
            let through = max(feed.position.sequence, sequence)
            if case .events(let tenant) = source, self.tail.deleted.contains(sequence),
                let first = try await self.firstAfterPurge(tenant, after: sequence, feed)
            {
                return .expired(missedBefore: first)
            }
            let read = try await self.log.read(source, after: sequence, through: through, maxBytes: self.chunkBytes)
            return .entries(read.entries, through: read.position, missedBefore: read.missedBefore)
        } catch {
            return .unavailable
        }
    }
}
