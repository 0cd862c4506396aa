import AccessControl
import Basics
import EventLog
import EventModel
import Glibc
import Logging
import Synchronization
import TestKit

@testable import EdgeRuntime

/// A log whose history is a list, for positions older than the tail.
final class ListedLog: LogReading {
    struct State {
        var entries: [LogEntry] = []
        var first: UInt64 = 1
        var isReachable = true
    }

    let state = Mutex(State())
    /// The number of reads of an execution, and of requests for the bounds.
    let executionReads = Atomic<Int>(0)
    let boundsAsked = Atomic<Int>(0)

    func read(_ source: LogSource, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead {
        switch source {
        case .events(let tenant): return try self.read(after, through) { $0.execution == nil && $0.event.tenant == tenant }
        case .execution(let reference):
            self.executionReads.add(1, ordering: .relaxed)
            return try self.read(after, through) { $0.execution?.reference == reference }
        }
    }

    /// Returns at most seven kept entries.
    private func read(_ after: UInt64, _ through: UInt64, where isWanted: (LogEntry) -> Bool) throws(EventLogError) -> LogRead {
        try self.state.withLock { state throws(EventLogError) in
            guard state.isReachable else { throw EventLogError.unavailable("switched off by the test") }
            let entries = state.entries.filter {
                $0.sequence > after && $0.sequence <= through && $0.sequence >= state.first && isWanted($0)
            }.prefix(7)
            let position = entries.count < 7 ? through : entries.last?.sequence ?? through
            guard after + 1 < state.first else { return LogRead(entries: Array(entries), position: position) }
            return LogRead(entries: Array(entries), position: max(position, state.first - 1), missedBefore: Self.cursor(state.first))
        }
    }

    func content(at sequence: UInt64) async throws(EventLogError) -> LogPlaceContent {
        self.state.withLock { state in
            guard let entry = state.entries.first(where: { $0.sequence == sequence }), sequence >= state.first else { return .nothing }
            return entry.execution == nil ? .event(tenant: entry.event.tenant, intake: entry.intake) : .other(storedAt: entry.intake)
        }
    }

    func firstCursor(of tenant: Tenant, after sequence: UInt64) async throws(EventLogError) -> Cursor? {
        self.state.withLock { state in
            state.entries.first { $0.sequence > sequence && $0.sequence >= state.first && $0.event.tenant == tenant && $0.execution == nil }
                .map { $0.cursor(epoch: Fixture.epoch) }
        }
    }

    private static func cursor(_ sequence: UInt64) -> Cursor {
        Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: Fixture.epoch, sequence: sequence)
    }

    func execution(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTail? {
        self.state.withLock { state in state.entries.last { $0.execution?.reference == reference }.flatMap { ExecutionTail($0) } }
    }

    func bounds() async throws(EventLogError) -> LogBounds {
        self.boundsAsked.add(1, ordering: .relaxed)
        let state = self.state.withLock {
            ($0.first, $0.entries.last?.sequence ?? 0, $0.isReachable, $0.entries.first { $0.sequence >= 1 })
        }
        guard state.2 else { throw EventLogError.unavailable("switched off by the test") }
        let first = state.0
        return LogBounds(
            firstSequence: first,
            lastSequence: state.1,
            epoch: Fixture.epoch,
            firstCursor: Self.cursor(first)
        )
    }
}

/// A hub with everything below it except the bus: tests append entries directly, and clients are sockets.
final class HubBench: Sendable {
    let log = ListedLog()
    let tail: LogTail
    let fanout: Fanout
    let lines = LogLines()
    let history: History
    let hub: LoopHub
    let loop: DeliveryLoop
    let clock: TimeBox
    /// The places that the connections take.
    let admissions = Admissions(total: 0, perTenant: 0)
    private let admitted = Atomic<Int>(0)

    /// Number of released places; above the number of connections if one was released twice.
    var endedCount: Int { self.admitted.load(ordering: .relaxed) - self.admissions.count }

    /// Whether the log is followed, as reported to the hub.
    let following: FollowingBox

    final class FollowingBox: Sendable { let value = Atomic<Bool>(true) }
    final class TimeBox: Sendable { let now = Atomic<Int64>(1000) }

    /// The revoked tokens, as the hub sees them.
    let revocations = Revocations(isRead: true)

    /// The tokens by which clients renew theirs.
    let tokens = TokenDesk()

    private let encoder: any StreamEncoder

    init(
        tailBytes: Int = 64 * 1024 * 1024,
        encoder: any StreamEncoder = PlainEncoder(),
        configure: (inout EdgeConfiguration) -> Void = { _ in },
        clock: @escaping @Sendable () -> MonotonicInstant = MonotonicInstant.now
    )
        throws
    {
        var configuration = EdgeConfiguration()
        // Heartbeats come in the last tick of an hour, unless a test configures them.
        configuration.heartbeatInterval = .seconds(3600)
        configuration.heartbeatPhase = { $0.upperBound - 1 }
        configuration.linger = .milliseconds(100)
        configuration.standingPatience = .zero
        configure(&configuration)
        let box = TimeBox()
        configuration.wallClock = { Timestamp(millisecondsSinceEpoch: box.now.load(ordering: .relaxed) * 1000) }
        self.clock = box
        self.encoder = encoder
        self.tail = LogTail(maxBytes: tailBytes)
        let logger = Logger(label: "test") { [lines] _ in LogLines.Handler(lines: lines) }
        self.fanout = Fanout(
            epoch: Fixture.epoch,
            pageBytes: 256 * 1024,
            deliveryLog: DeliveryLog(logger: logger, wallClock: configuration.wallClock)
        )
        self.history = History(log: self.log, tail: self.tail, chunkBytes: 4096)
        self.loop = try DeliveryLoop(clock: clock)
        let following = FollowingBox()
        self.following = following
        self.hub = LoopHub(
            loop: self.loop,
            fanout: self.fanout,
            tail: self.tail,
            history: self.history,
            configuration: configuration,
            unsent: UnsentBudget(limit: configuration.maxUnsentBytesOfAll),
            laggardBytes: ByteBudget(limit: configuration.maxLaggardBytes),
            revocations: self.revocations,
            verify: self.tokens.verify,
            logger: logger,
            isFollowing: { following.value.load(ordering: .relaxed) }
        )
        self.loop.start(name: "test", delegate: self.hub)
    }

    deinit { self.loop.stop() }

    /// Appends an entry as the feed does: log, tail, pages.
    @discardableResult
    func append(_ entry: LogEntry) -> LogEntry {
        self.log.state.withLock { $0.entries.append(entry) }
        self.tail.append(entry)
        self.fanout.logAppended(entry)
        return entry
    }

    func connect(
        tenant: String = "acme",
        source: LogSource? = nil,
        user: String = "ann",
        start: StreamStart = .live,
        filter: String? = nil,
        expiresAt: Int64 = .max / 2,
        tokenID: String? = nil,
        issuedAt: Int64? = nil,
        end: EndPolicy = .never,
        inbound: Inbound = .ignored,
        early: [UInt8] = [],
        refusal: Ending? = nil,
        traceID: String? = nil,
        lease: ExecutionLease? = nil,
        encoder: (any StreamEncoder)? = nil
    ) async throws -> SocketPair {
        let pair = try SocketPair()
        let tenant = try Tenant(tenant)
        let principal = Principal(
            user: try UserID(user),
            tenant: tenant,
            roles: [],
            expiresAt: expiresAt,
            tokenID: try tokenID.map { try TokenID($0) },
            issuedAt: issuedAt
        )
        let ticket = ConnectionTicket(
            start: start,
            source: source ?? .events(of: tenant),
            audience: Audience(user: try UserID(user), filter: try filter.map { try TypeFilter(query: $0) }),
            principal: refusal == nil ? principal : nil,
            end: end,
            head: Array("head|".utf8),
            inbound: inbound,
            earlyBytes: early,
            requestID: "r",
            traceID: traceID,
            generation: self.fanout.feed.position.generation,
            lease: lease
        )
        let admission = if let refusal { AdmissionAnswer.refused(refusal) } else { self.admit(tenant) }
        await self.hub.adopt(pair.edge, ticket: ticket, encoder: encoder ?? self.encoder, admission: admission)
        return pair
    }

    /// Takes a place, as the front does before it hands over a connection.
    func admit(_ tenant: Tenant) -> AdmissionAnswer {
        self.admitted.add(1, ordering: .relaxed)
        return self.admissions.admit(tenant)
    }

    static func after(_ sequence: UInt64) -> StreamStart {
        .after(Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: Fixture.epoch, sequence: sequence))
    }
}
