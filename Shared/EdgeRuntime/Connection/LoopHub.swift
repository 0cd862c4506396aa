import Basics
import CEpoll
import DequeModule
import EventLog
import EventModel
import Glibc
import Logging
import Synchronization

/// All connections of one delivery loop: who they are, whose turn it is, when their heartbeats and last moments come.
///
/// Lives on the loop's thread; the loop enters it with `assumeIsolated`. Loops share nothing but pages.
actor LoopHub: DeliveryLoopDelegate, ChainReader {
    nonisolated let loop: DeliveryLoop
    nonisolated let fanout: Fanout
    nonisolated let tail: LogTail
    nonisolated let history: History
    nonisolated let configuration: EdgeConfiguration
    /// Shared by all loops.
    nonisolated let unsent: UnsentBudget
    /// What is held of the log for connections whose sockets are full. Shared by all loops.
    nonisolated let laggardBytes: ByteBudget
    nonisolated let logger: Logger
    nonisolated let counters = LoopCounters()
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    /// Chains that have grown since the last round. Filled by the feed's thread.
    private nonisolated let grown = Mutex(GrownChains())
    /// What the log keeps, when there is news of it. Filled by the feed.
    private nonisolated let retention = Mutex<LogRetention?>(nil)
    private nonisolated let connectionEnded: @Sendable (Tenant) -> Void
    /// Whether the log is followed live.
    nonisolated let isFollowing: @Sendable () -> Bool

    private struct GrownChains {
        var chains: [PageChain] = []
        var known: Set<ObjectIdentifier> = []
        /// When the entry was taken in that has waited longest.
        var oldestIntake: Timestamp?
        /// Traced entries among what is new, of which there are hardly ever any.
        var traced: [(chain: PageChain, trace: TracedDelivery)] = []
    }

    struct Slot {
        var generation: UInt32
        var connection: EdgeConnection?
    }

    var slots: ContiguousArray<Slot> = []
    var freeSlots: [UInt32] = []
    var groups: [Fanout.Key: LoopGroup] = [:]
    var groupOfChain: [ObjectIdentifier: LoopGroup] = [:]
    /// Connections that were admitted. Those that are only told why they cannot stay are not counted, and nobody waits for them.
    var admittedCount = 0

    var heartbeats: HeartbeatWheel
    /// For encoders that have an interval of their own.
    var otherHeartbeats: [Duration: HeartbeatWheel] = [:]
    /// By the second of the token's `exp`.
    var expiries = ExpiryBuckets()
    /// When those that wait for a batch have waited long enough, by the tick.
    var deadlines = ExpiryBuckets()
    private var lingering: [(until: MonotonicInstant, handle: ConnectionHandle)] = []
    private var continuing: [EdgeConnection] = []
    /// Who has more to say, in the order in which they get their turn.
    var speaking: Deque<EdgeConnection> = []
    /// What the round still allows for input; an ``InputBudget`` of all.
    var inputLeft = InputBudget.round
    private var ended: [EdgeConnection] = []
    var chunks = ChunkCache()
    var heartbeatBytes: (name: String, cursor: Cursor, bytes: [UInt8])?
    /// Whether the log is followed, as the connections are told.
    var standing: StandingWatch
    var drain: DrainPlan?
    /// When laggards are counted again.
    private var nextCount = MonotonicInstant(nanoseconds: 0)
    private var drained: [CheckedContinuation<Void, Never>] = []

    init(
        loop: DeliveryLoop,
        fanout: Fanout,
        tail: LogTail,
        history: History,
        configuration: EdgeConfiguration,
        unsent: UnsentBudget,
        laggardBytes: ByteBudget,
        logger: Logger,
        isFollowing: @escaping @Sendable () -> Bool,
        connectionEnded: @escaping @Sendable (Tenant) -> Void
    ) {
        self.loop = loop
        self.fanout = fanout
        self.tail = tail
        self.history = history
        self.configuration = configuration
        self.unsent = unsent
        self.laggardBytes = laggardBytes
        self.logger = logger
        self.isFollowing = isFollowing
        self.connectionEnded = connectionEnded
        self.standing = StandingWatch(patience: configuration.standingPatience)
        self.heartbeats = Self.wheel(interval: configuration.heartbeatInterval, configuration)
    }

    private func connection(_ handle: ConnectionHandle) -> EdgeConnection? {
        guard handle.slot < self.slots.count, self.slots[Int(handle.slot)].generation == handle.generation else { return nil }
        return self.slots[Int(handle.slot)].connection
    }

    // MARK: What connections ask for

    /// `connection` used up its turn's budget and has more to send: it goes on in the next round.
    func continueLater(_ connection: EdgeConnection) { self.continuing.append(connection) }

    /// `connection` is saying its last words; it is asked again in a while, at the moment returned, whether its peer has taken them.
    func linger(_ connection: EdgeConnection) -> MonotonicInstant {
        let until = self.loop.now().advanced(by: self.configuration.linger)
        self.lingering.append((until, connection.handle))
        return until
    }

    /// `connection` has closed its descriptor. It is forgotten at the end of the round: the fan-out may be going
    /// through the very list it stands in.
    func closed(_ connection: EdgeConnection, ending: Ending) {
        self.counters.closed(ending)
        self.ended.append(connection)
    }

    /// `connection` is to be written to with another encoder from here on.
    func move(_ connection: EdgeConnection, from old: LoopGroup, to encoder: any StreamEncoder) -> LoopGroup {
        let new = self.group(for: old.chain.source, encoder: encoder)
        guard new !== old else { return old }
        new.members.append(connection)
        old.members.removeAll { $0 === connection }
        self.forgetIfEmpty(old)
        return new
    }

    /// When a client is to come back: the configured time ± 50 %, so that a fleet does not return in step.
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

    /// Connections hold hardly anything; one that is read for from the log holds a chunk.
    private func dropWhatIsNotKept(_ retention: LogRetention) {
        for slot in self.slots { slot.connection?.assumeIsolated { $0.logTrimmed(to: retention) } }
    }

    /// Every connection of a grown chain writes from its position; those at the head share one slice.
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
            for connection in group.members {
                connection.assumeIsolated { $0.entriesPublished(shared, from: head) }
            }
        }
        for (chain, trace) in grown.traced { self.closePart(of: trace, chain) }
        // Once a batch and not once a delivery: that is what it may cost.
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
        for handle in self.expiries.removeExpired(now: self.configuration.wallClock().millisecondsSinceEpoch / 1000) {
            self.connection(handle)?.assumeIsolated { $0.endRequested(.tokenExpired) }
        }
        for handle in self.deadlines.removeExpired(now: Self.lastTick(notAfter: now)) {
            self.connection(handle)?.assumeIsolated { $0.deadlinePassed() }
        }
        while let first = self.lingering.first, first.until <= now {
            self.lingering.removeFirst()
            self.connection(first.handle)?.assumeIsolated { $0.lingerElapsed(now: now) }
        }
        if now >= self.nextCount { self.countLaggards(now) }
        self.drainStep(now)
    }

    private func countLaggards(_ now: MonotonicInstant) {
        self.nextCount = now.advanced(by: .seconds(1))
        self.counters.laggards.set(
            self.slots.reduce(0) { count, slot in
                count + (slot.connection?.assumeIsolated { $0.isBlocked } == true ? 1 : 0)
            }
        )
    }

    private func endRound() -> Bool {
        let turns = self.continuing
        self.continuing.removeAll(keepingCapacity: true)
        for connection in turns { connection.assumeIsolated { $0.turnCame() } }
        self.listenToWaiting()
        self.forgetEnded()
        self.chunks.removeAll()
        return !self.continuing.isEmpty || !self.speaking.isEmpty
    }

    private func forgetEnded() {
        guard !self.ended.isEmpty else { return }
        for connection in self.ended {
            let slot = Int(connection.handle.slot)
            self.slots[slot].connection = nil
            self.slots[slot].generation &+= 1
            self.freeSlots.append(connection.handle.slot)
            guard connection.wasAdmitted else { continue }
            self.admittedCount -= 1
            self.connectionEnded(connection.tenant)
        }
        // One pass per group however many of its members ended.
        var groups: [ObjectIdentifier: LoopGroup] = [:]
        for connection in self.ended {
            let group = connection.assumeIsolated { $0.group }
            groups[ObjectIdentifier(group)] = group
        }
        let gone = Set(self.ended.map { ObjectIdentifier($0) })
        for group in groups.values {
            group.members.removeAll { gone.contains(ObjectIdentifier($0)) }
            self.forgetIfEmpty(group)
        }
        self.expiries.forget(self.ended.count { $0.wasAdmitted }) { self.connection($0) != nil }
        let waiting = self.ended.count { connection in connection.assumeIsolated { $0.isWaitingForDeadline } }
        self.deadlines.forget(waiting) { self.connection($0) != nil }
        self.ended.removeAll()
        self.counters.connections.set(self.admittedCount)
        if self.admittedCount == 0, self.drain != nil { self.finishDrain() }
    }

    private func forgetIfEmpty(_ group: LoopGroup) {
        guard group.members.isEmpty else { return }
        self.groups[Fanout.Key(source: group.chain.source, encoder: group.chain.encoder.name)] = nil
        self.groupOfChain[ObjectIdentifier(group.chain)] = nil
        self.fanout.release(group.chain, reader: self)
    }

    // MARK: Drain

    /// Ends all connections, batches at once and streams spread over `window`; returns when the last that was admitted is gone. New ones are ended at
    /// once, and not waited for: who knocks again and again must not keep the process.
    func drainConnections(window: Duration) async {
        self.drain = DrainPlan(deadline: self.loop.now().advanced(by: window))
        self.endBatches()
        self.drainStep(self.loop.now())
        guard self.admittedCount > 0 else { return }
        await withCheckedContinuation { self.drained.append($0) }
    }

    private func endBatches() {
        for slot in self.slots { slot.connection?.assumeIsolated { $0.drainBegan() } }
    }

    private func drainStep(_ now: MonotonicInstant) {
        guard self.drain != nil else { return }
        let open = self.slots.compactMap { $0.connection }.filter { connection in connection.assumeIsolated { $0.isOpen } }
        let share = self.drain?.share(of: open.count, now: now, tick: DeliveryLoop.tickInterval) ?? 0
        for connection in open.prefix(share) { connection.assumeIsolated { $0.endRequested(.draining) } }
    }

    private func finishDrain() {
        for continuation in self.drained { continuation.resume() }
        self.drained = []
    }
}
