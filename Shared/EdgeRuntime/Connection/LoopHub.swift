import AccessControl
import Basics
import CEpoll
import DequeModule
import EventLog
import EventModel
import Glibc
import Logging
import Synchronization

/// The connections of one delivery loop: their slots, turns, heartbeats and deadlines.
///
/// On the loop's thread; the loop calls it with `assumeIsolated`. Loops share only pages.
actor LoopHub: DeliveryLoopDelegate, ChainReader {
    /// Its number among the loops of the process.
    nonisolated let number: Int
    nonisolated let loop: DeliveryLoop
    nonisolated let fanout: Fanout
    nonisolated let tail: LogTail
    nonisolated let history: History
    nonisolated let configuration: EdgeConfiguration
    /// Shared by all loops.
    nonisolated let unsent: UnsentBudget
    /// Bytes of the log held for connections with full sockets. Shared by all loops.
    nonisolated let laggardBytes: ByteBudget
    /// Asked about each connection that is adopted.
    nonisolated let revocations: Revocations
    /// Verifies the new tokens of open connections.
    nonisolated let verify: TokenVerifier
    nonisolated let logger: Logger
    nonisolated let counters = LoopCounters()
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    /// Chains that have grown since the last round. Filled by the feed's thread.
    private nonisolated let grown = Mutex(GrownChains())
    /// The log's retention, when it has changed. Set by the feed's thread.
    private nonisolated let retention = Mutex<LogRetention?>(nil)
    /// Whether the log is followed live.
    nonisolated let isFollowing: @Sendable () -> Bool

    private struct GrownChains {
        var chains: [PageChain] = []
        var known: Set<ObjectIdentifier> = []
        /// Intake time of the entry that has waited longest.
        var oldestIntake: Timestamp?
        /// New entries with a trace; nearly always none.
        var traced: [(chain: PageChain, trace: TracedDelivery)] = []
    }

    private(set) var connections = ConnectionTable()
    private(set) var groups: [Fanout.Key: LoopGroup] = [:]
    private(set) var groupOfChain: [ObjectIdentifier: LoopGroup] = [:]
    /// Number of admitted connections. Refused ones are not counted, and a drain does not wait for them.
    private var admittedCount = 0

    private var heartbeats: HeartbeatWheel
    /// For encoders with another interval.
    private var otherHeartbeats: [Duration: HeartbeatWheel] = [:]
    /// By the second of the token's `exp`.
    private var expiries = ExpiryBuckets()
    /// Deadlines of connections that wait for a batch, by the tick.
    private(set) var deadlines = ExpiryBuckets()
    /// Connections that are ending, by the time of the next check whether the peer has read everything; ascending.
    private var lingering: Deque<(until: MonotonicInstant, handle: ConnectionHandle)> = []
    /// Connections that hold a chunk read from the log.
    private var chunkHolders: Set<ConnectionHandle> = []
    /// Connections that the drain has not ended yet, in any order.
    private var undrained: ArraySlice<ConnectionHandle> = []
    /// Connections that have something to send and wait for a turn.
    private var continuing = TurnQueue<EdgeConnection>()
    /// How long a round gives turns; one more may begin before.
    private static let turnTime: Duration = .milliseconds(4)
    /// Connections with more input. Tenants take turns: the many connections of one do not delay the few of another.
    private var speaking = TurnQueue<EdgeConnection>()
    /// Remaining input cost of each tenant, in units of ``InputBudget``.
    private var inputShares = TenantBuckets(
        capacity: Double(InputBudget.tenantAtOnce),
        perSecond: Double(InputBudget.tenantPerSecond)
    )
    /// Remaining input cost of the round, for all connections together.
    private var inputLeft = InputBudget.round
    private var ended: [EdgeConnection] = []
    private(set) var closedConnections: ClosedConnections
    private var chunks = ChunkCache()
    private var replays = ReplayPages()
    private var heartbeatBytes: (name: String, cursor: Cursor, bytes: [UInt8])?
    /// Whether the log is followed, as reported to the connections.
    private(set) var standing: StandingWatch
    private(set) var drain: DrainPlan?
    private var drained: [CheckedContinuation<Void, Never>] = []

    init(
        number: Int = 0,
        loop: DeliveryLoop,
        fanout: Fanout,
        tail: LogTail,
        history: History,
        configuration: EdgeConfiguration,
        unsent: UnsentBudget,
        laggardBytes: ByteBudget,
        revocations: Revocations,
        verify: @escaping TokenVerifier,
        logger: Logger,
        isFollowing: @escaping @Sendable () -> Bool
    ) {
        self.number = number
        self.loop = loop
        self.fanout = fanout
        self.tail = tail
        self.history = history
        self.configuration = configuration
        self.unsent = unsent
        self.laggardBytes = laggardBytes
        self.revocations = revocations
        self.verify = verify
        self.logger = logger
        self.isFollowing = isFollowing
        self.closedConnections = ClosedConnections(limit: configuration.maxClosedReports, start: configuration.wallClock())
        self.standing = StandingWatch(patience: configuration.standingPatience)
        self.heartbeats = Self.wheel(interval: configuration.heartbeatInterval, configuration)
    }

    /// The connection that `handle` names, while it is on the loop.
    func connection(_ handle: ConnectionHandle) -> EdgeConnection? { self.connections[handle] }

    // MARK: Called by connections

    /// Gives `connection` another turn in the next round: it has used up its budget and has more to send.
    func continueLater(_ connection: EdgeConnection) { self.continuing.append(connection, of: connection.tenant) }

    /// Schedules a check whether the peer of `connection` has read everything. Returns the time of the check.
    func linger(_ connection: EdgeConnection) -> MonotonicInstant {
        let until = self.loop.now().advanced(by: self.configuration.linger)
        self.lingering.append((until, connection.handle))
        return until
    }

    /// Records whether a connection holds a chunk read from the log.
    func chunkHeld(_ isHeld: Bool, by handle: ConnectionHandle) {
        if isHeld { self.chunkHolders.insert(handle) } else { self.chunkHolders.remove(handle) }
    }

    /// Records that `connection` has closed its descriptor. It is removed at the end of the round, because a fan-out may be iterating over its group.
    func closed(_ connection: EdgeConnection, ending: Ending) {
        self.counters.closed(ending)
        if connection.wasAdmitted { self.closedConnections.append(connection.assumeIsolated { $0.report(closedBy: ending) }) }
        self.ended.append(connection)
    }

    /// Moves `connection` to the group of another encoder.
    func move(_ connection: EdgeConnection, from old: LoopGroup, to encoder: any StreamEncoder) -> LoopGroup {
        let new = self.group(for: old.chain.source, encoder: encoder)
        guard new !== old else { return old }
        old.remove(connection)
        new.insert(connection)
        self.forgetIfEmpty(old)
        return new
    }

    /// Ends `connection` at the expiry of its new token.
    func tokenRenewed(_ connection: EdgeConnection, from oldExpiry: Int64, to newExpiry: Int64) {
        self.expiries.move(connection.handle, from: oldExpiry, to: newExpiry)
    }

    /// The reconnect delay for a client: the configured time ± 50 %, so that a fleet does not reconnect in step.
    nonisolated func jitteredRetry() -> Duration { self.configuration.retry * Double.random(in: 0.5...1.5) }

    // MARK: ChainReader (the feed's thread)

    nonisolated func chainGrew(_ chain: PageChain, intake: Timestamp?, trace: TracedDelivery?) {
        self.grown.withLock { grown in
            if let intake { grown.oldestIntake = grown.oldestIntake.map { min($0, intake) } ?? intake }
            if let trace { grown.traced.append((chain, trace)) }
            if grown.known.insert(ObjectIdentifier(chain)).inserted { grown.chains.append(chain) }
        }
        self.loop.signal()
    }

    nonisolated func logTrimmed(to retention: LogRetention) {
        self.retention.withLock { $0 = retention }
        self.loop.signal()
    }

    // MARK: DeliveryLoopDelegate (the loop's thread)

    nonisolated func descriptorReady(token: UInt64, events: UInt32) {
        self.assumeIsolated { hub in
            hub.connection(ConnectionHandle(token: token))?.assumeIsolated { $0.descriptorReady(events) }
        }
    }

    nonisolated func signalled() {
        let retention = self.retention.withLock { retention in
            defer { retention = nil }
            return retention
        }
        self.assumeIsolated { hub in
            if let retention { hub.dropWhatIsNotKept(retention) }
            hub.deliverGrownChains()
        }
    }

    nonisolated func ticked(now: MonotonicInstant) {
        self.assumeIsolated { $0.handleTick(now) }
    }

    nonisolated func roundEnded() -> Bool {
        self.assumeIsolated { $0.endRound() }
    }

    /// Trims the chunks that connections hold.
    private func dropWhatIsNotKept(_ retention: LogRetention) {
        for handle in self.chunkHolders { self.connection(handle)?.assumeIsolated { $0.logTrimmed(to: retention) } }
    }

    /// Writes new entries to the connections of each grown chain; those at the head share one slice.
    private func deliverGrownChains() {
        let grown = self.grown.withLock { grown in
            defer { grown = GrownChains() }
            return grown
        }
        for chain in grown.chains {
            guard let group = self.groupOfChain[ObjectIdentifier(chain)] else { continue }
            let head = group.head
            var shared = PageSlice(segments: [])
            if case .slice(let slice) = chain.read(after: head, maxBytes: self.configuration.bytesPerTurn) { shared = slice }
            group.head = shared.segments.last.map { ChainPosition(generation: head.generation, sequence: $0.lastSequence) } ?? chain.end
            // An empty slice does not: the position may have been evicted.
            let reachesEnd = !shared.isEmpty && group.head == chain.end
            // A copy: a member that moves to another group meanwhile does not change the order of the others.
            EdgeConnection.entriesPublished(shared, from: head, reachesEnd: reachesEnd, to: group.members, on: self)
        }
        for (chain, trace) in grown.traced { self.closePart(of: trace, chain) }
        // Once a batch, not once a delivery, to keep it cheap.
        guard let oldest = grown.oldestIntake else { return }
        self.counters.latency.record(
            milliseconds: self.configuration.wallClock().millisecondsSinceEpoch - oldest.millisecondsSinceEpoch
        )
    }

    private func handleTick(_ now: MonotonicInstant) {
        self.heartbeatBytes = nil
        self.watchStanding(now)
        var due = self.heartbeats.advance(isAlive: { self.connection($0) != nil })
        for interval in self.otherHeartbeats.keys {
            due += self.otherHeartbeats[interval]?.advance(isAlive: { self.connection($0) != nil }) ?? []
        }
        for handle in due {
            self.connection(handle)?.assumeIsolated { $0.heartbeatDue(now: now) }
        }
        let second = self.configuration.wallClock().millisecondsSinceEpoch / 1000
        for handle in self.expiries.removeExpired(now: second) {
            self.connection(handle)?.assumeIsolated { $0.tokenExpired(at: second) }
        }
        for handle in self.deadlines.removeExpired(now: Self.lastTick(notAfter: now)) {
            self.connection(handle)?.assumeIsolated { $0.deadlinePassed() }
        }
        while let first = self.lingering.first, first.until <= now {
            self.lingering.removeFirst()
            self.connection(first.handle)?.assumeIsolated { $0.lingerElapsed(now: now) }
        }
        self.drainStep(now)
    }

    private func endRound() -> Bool {
        self.giveTurns()
        let hasTurns = self.listenToWaiting()
        self.forgetEnded()
        self.chunks.removeAll()
        return !self.continuing.isEmpty || hasTurns
    }

    /// Gives connections that have something to send their turns, the tenants one after another: however many of a tenant have much to send, those of
    /// another wait for one of them.
    private func giveTurns() {
        let end = self.loop.now().advanced(by: Self.turnTime)
        // Those that want another turn get it in the next round.
        for _ in 0..<self.continuing.count {
            guard let connection = self.continuing.popFirst() else { return }
            connection.assumeIsolated { $0.turnCame() }
            if self.loop.now() >= end { return }
        }
    }

    /// Removes the connections that have ended, each in constant time.
    private func forgetEnded() {
        guard !self.ended.isEmpty else { return }
        var expiring = 0
        var waiting = 0
        for connection in self.ended {
            self.connections.remove(connection)
            let group = connection.assumeIsolated { $0.group }
            group.remove(connection)
            self.forgetIfEmpty(group)
            guard connection.wasAdmitted else { continue }
            self.admittedCount -= 1
            expiring += 1
            if connection.assumeIsolated({ $0.isWaitingForDeadline }) { waiting += 1 }
            connection.assumeIsolated { $0.giveBackAdmission() }
        }
        self.ended.removeAll()
        self.expiries.forget(expiring) { self.connection($0) != nil }
        self.deadlines.forget(waiting) { self.connection($0) != nil }
        self.counters.connections.set(self.admittedCount)
        if self.admittedCount == 0, self.drain != nil { self.finishDrain() }
    }

    private func forgetIfEmpty(_ group: LoopGroup) {
        guard group.members.isEmpty else { return }
        self.groups[Fanout.Key(source: group.chain.source, encoder: group.chain.encoder.name)] = nil
        self.groupOfChain[ObjectIdentifier(group.chain)] = nil
        self.fanout.release(group.chain, reader: self)
    }

    // MARK: Arrivals

    /// Adopts an accepted stream, and owns `descriptor` from here on. A refused one gets the reason, and no place.
    func adopt(_ descriptor: Int32, ticket: ConnectionTicket, encoder: any StreamEncoder, admission: consuming AdmissionAnswer) {
        // Revoked since the front accepted the token: ``end(_:)`` was called before this connection was here.
        if let principal = ticket.principal, self.isRevoked(principal) { admission = .refused(.tokenRevoked) }
        let refusal = admission.refusal
        let group = self.group(for: ticket.source, encoder: encoder)
        let handle = self.connections.claim()
        let socket = Socket(adopting: descriptor, sendBuffer: self.configuration.sendBuffer, giveUp: self.configuration.kernelPatience)
        let beginning = self.begin(ticket, encoder: encoder, isRefused: refusal != nil)
        let connection = EdgeConnection(
            hub: self,
            group: group,
            handle: handle,
            socket: socket,
            ticket: ticket,
            beginning: beginning,
            admission: admission
        )
        self.connections.insert(connection)
        if connection.wasAdmitted {
            self.admittedCount += 1
            self.counters.connections.set(self.admittedCount)
        }
        do {
            let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
            try self.loop.register(descriptor, token: handle.token, events: events)
        } catch {
            self.logger.error("cannot watch a connection", metadata: [LogKey.error: "\(error)"])
            return connection.assumeIsolated { $0.endRequested(.overloaded) }
        }
        group.insert(connection)
        // A refused connection ends at once.
        if connection.wasAdmitted {
            self.insertIntoWheel(handle, encoder.heartbeatInterval)
            self.expiries.insert(handle, at: ticket.expiresAt)
            if case .afterBatch(let limits) = ticket.end, limits.wait > .zero {
                self.deadlines.insert(handle, at: Self.firstTick(notBefore: self.loop.now().advanced(by: limits.wait)))
            }
        }
        let isDraining = self.drain != nil
        connection.assumeIsolated { connection in
            // A refused connection gets its opening and the reason, and no event.
            if let refusal { return connection.endRequested(refusal) }
            connection.attached()
            if isDraining { connection.endRequested(.draining) }
            connection.tellStanding()
        }
        if !ticket.earlyBytes.isEmpty { self.inputArrived(at: connection) }
    }

    /// Returns the start position of a connection, and its first bytes. Called after the hub has registered with the chain, so that no entry is missed.
    private func begin(_ ticket: ConnectionTicket, encoder: any StreamEncoder, isRefused: Bool) -> StreamBeginning {
        let feed = self.fanout.feed
        var start = ticket.start
        // The start was resolved before the log was replaced, so the cursor is unknown.
        if ticket.generation < feed.replacedAt, start != .live { start = .unknownCursor }
        let cursor: Cursor
        let gap: StreamGap?
        switch start {
        case .live: (cursor, gap) = (feed.cursor, nil)
        case .after(let after): (cursor, gap) = (after, nil)
        case .unknownCursor: (cursor, gap) = (feed.cursor, .unknownCursor(current: feed.cursor))
        case .unknownCursorGoingOn(let after): (cursor, gap) = (after, .unknownCursor(current: after))
        case .expired(let first):
            let expired = StreamGap.expired(missedBefore: first)
            (cursor, gap) = (expired.resumptionCursor, expired)
        }
        let now = self.configuration.wallClock()
        // Viewers of executions resume by number, not by cursor.
        if !isRefused, ticket.lease == nil { self.counters.resumed(start) }
        let position = ChainPosition(generation: feed.position.generation, sequence: cursor.sequence)
        if isRefused { return StreamBeginning(position: position, cursor: cursor, gap: nil, opening: ticket.head) }
        var bytes = encoder.opening(
            Opening(
                cursor: gap == nil ? cursor : nil,
                retry: self.jitteredRetry(),
                head: ticket.head,
                tenant: ticket.tenant,
                user: ticket.audience.user,
                time: now
            )
        )
        if let gap {
            bytes += encoder.gap(gap, time: now)
            self.counters.gaps.add(1)
        }
        return StreamBeginning(position: position, cursor: cursor, gap: gap, opening: bytes)
    }

    private func group(for source: LogSource, encoder: any StreamEncoder) -> LoopGroup {
        let key = Fanout.Key(source: source, encoder: encoder.name)
        if let group = self.groups[key] { return group }
        let group = LoopGroup(chain: self.fanout.chain(for: source, encoder: encoder, reader: self))
        self.groups[key] = group
        self.groupOfChain[ObjectIdentifier(group.chain)] = group
        return group
    }

    private func insertIntoWheel(_ handle: ConnectionHandle, _ interval: Duration?) {
        guard let interval else { return self.heartbeats.insert(handle) }
        self.otherHeartbeats[interval, default: Self.wheel(interval: interval, self.configuration)].insert(handle)
    }

    private static func wheel(interval: Duration, _ configuration: EdgeConfiguration) -> HeartbeatWheel {
        HeartbeatWheel(interval: interval, tick: DeliveryLoop.tickInterval, phase: configuration.heartbeatPhase)
    }

    /// Ticks are counted from the clock's beginning.
    private static let tickNanoseconds = UInt64(DeliveryLoop.tickInterval.nanoseconds)

    private static func firstTick(notBefore moment: MonotonicInstant) -> Int64 {
        Int64(clamping: (moment.nanoseconds + self.tickNanoseconds - 1) / self.tickNanoseconds)
    }

    private static func lastTick(notAfter moment: MonotonicInstant) -> Int64 { Int64(clamping: moment.nanoseconds / self.tickNanoseconds) }

    // MARK: Input turns

    /// Reads a connection's input now if no other waits and both budgets, of the round and of its tenant, allow it. At most one turn a round.
    func inputArrived(at connection: EdgeConnection) {
        guard self.speaking.isEmpty, self.inputLeft > 0, self.hasInputShare(connection.tenant) else {
            return self.listenLater(to: connection)
        }
        if self.listen(to: connection) { self.listenLater(to: connection) }
    }

    /// Queues a connection's turn.
    func listenLater(to connection: EdgeConnection) {
        let isNew = connection.assumeIsolated { connection in
            defer { connection.isAwaitingInputTurn = true }
            return !connection.isAwaitingInputTurn
        }
        if isNew { self.speaking.append(connection, of: connection.tenant) }
    }

    /// Serves the queued turns within the round's budget and the tenants' shares. Returns whether a turn is left that need not wait for a share; the
    /// others are looked at again in the next round, at the latest with the next tick.
    private func listenToWaiting() -> Bool {
        var turns = self.speaking.count
        var unfinished: [EdgeConnection] = []
        var waitsForShares = false
        while turns > 0, self.inputLeft > 0 {
            guard let connection = self.speaking.popFirst(where: { self.hasInputShare($0) }) else {
                waitsForShares = true
                break
            }
            turns -= 1
            connection.assumeIsolated { $0.isAwaitingInputTurn = false }
            if self.listen(to: connection) { unfinished.append(connection) }
        }
        for connection in unfinished { self.listenLater(to: connection) }
        self.inputLeft = InputBudget.round
        return waitsForShares ? unfinished.contains { self.hasInputShare($0.tenant) } : !self.speaking.isEmpty
    }

    private func hasInputShare(_ tenant: Tenant) -> Bool {
        let now = self.loop.now().sinceBoot
        return self.inputShares.withBucket(of: tenant, at: now) { $0.allows(1, at: now) }
    }

    /// Gives a connection its turn. Returns whether it has more input.
    private func listen(to connection: EdgeConnection) -> Bool {
        let turn = connection.assumeIsolated { $0.takeInputTurn() }
        self.inputLeft -= turn.cost
        let now = self.loop.now().sinceBoot
        self.inputShares.withBucket(of: connection.tenant, at: now) { $0.charge(Double(turn.cost), at: now) }
        return turn.hasMore
    }

    // MARK: Shared encodings

    /// Returns entries that have left a chain's pages, from the tail; nil when they have left the tail too. Shared by all calls of a round.
    func tailChunk(of chain: PageChain, after sequence: UInt64) -> ChunkCache.Chunk? {
        if let chunk = self.chunks.chunk(of: chain, after: sequence) { return chunk }
        // The tail holds tenants' events only.
        guard case .events(let tenant) = chain.source, !self.tail.deleted.contains(sequence) else { return nil }
        switch self.tail.read(tenant: tenant, after: sequence, maxBytes: self.configuration.bytesPerTurn) {
        case .entries(let entries, let through):
            self.counters.tailReads.add(1)
            let chunk = ChunkCache.Chunk(
                page: Page(of: entries, encoder: chain.encoder, epoch: self.fanout.feed.epoch),
                through: through
            )
            self.chunks.insert(chunk, of: chain, after: sequence)
            return chunk
        case .evicted:
            return nil
        }
    }

    /// Returns the page of entries read from the log behind a position, shared by connections that hold the same ones.
    func replayPage(of entries: [LogEntry], on chain: PageChain, after position: ChainPosition) -> Page {
        self.replays.page(of: entries, on: chain, after: position, epoch: self.fanout.feed.epoch, countedIn: self.laggardBytes)
    }

    /// Returns a cursor to a connection's position, with the time of the message there if known.
    func cursor(at sequence: UInt64) -> Cursor {
        let feed = self.fanout.feed
        if sequence == feed.position.sequence { return feed.cursor }
        if sequence == feed.lifeStart.sequence { return feed.lifeStart }
        return self.tail.cursor(at: sequence, epoch: feed.epoch)
    }

    /// The heartbeat of this tick, encoded once for each encoder.
    func heartbeat(_ encoder: any StreamEncoder, cursor: Cursor) -> [UInt8] {
        if let cached = self.heartbeatBytes, cached.cursor == cursor, cached.name == encoder.name { return cached.bytes }
        let isLive = self.standing.stalledSince == nil
        let bytes = encoder.heartbeat(cursor: cursor, time: self.configuration.wallClock(), isLive: isLive)
        self.heartbeatBytes = (encoder.name, cursor, bytes)
        return bytes
    }

    // MARK: Standing

    /// Reports to all connections when the log becomes unreachable, and when it is back.
    private func watchStanding(_ now: MonotonicInstant) {
        guard self.standing.looked(isFollowing: self.isFollowing(), now: now, time: self.configuration.wallClock()) else { return }
        self.heartbeatBytes = nil
        for connection in self.connections.slots { connection?.assumeIsolated { $0.tellStanding() } }
    }

    // MARK: Drain

    /// Ends all connections, batches at once and streams spread over `window`; returns when the last that was admitted is gone. New ones are ended at
    /// once and not waited for, so that a client that reconnects in a loop cannot delay the shutdown.
    func drainConnections(window: Duration) async {
        self.drain = DrainPlan(deadline: self.loop.now().advanced(by: window))
        self.beginDrain()
        self.drainStep(self.loop.now())
        guard self.admittedCount > 0 else { return }
        await withCheckedContinuation { self.drained.append($0) }
    }

    /// Ends batches, and lists the other open connections.
    private func beginDrain() {
        var left: [ConnectionHandle] = []
        for connection in self.connections.slots.compactMap({ $0 }) {
            let isOpen = connection.assumeIsolated { connection in
                connection.drainBegan()
                return connection.isOpen
            }
            if isOpen { left.append(connection.handle) }
        }
        self.undrained = left[...]
    }

    /// Ends this tick's share of connections. One that has already gone counts, so that the pace is even.
    private func drainStep(_ now: MonotonicInstant) {
        let share = self.drain?.share(of: self.undrained.count, now: now, tick: DeliveryLoop.tickInterval) ?? 0
        for handle in self.undrained.prefix(share) { self.connection(handle)?.assumeIsolated { $0.endRequested(.draining) } }
        self.undrained = self.undrained.dropFirst(share)
    }

    private func finishDrain() {
        for continuation in self.drained { continuation.resume() }
        self.drained = []
    }
}
