import CEpoll
import EventLog
import EventModel
import Glibc
import Logging
import Synchronization

/// The connections of one loop that read the same run. Touched on the loop's thread only, which is what makes the
/// unchecked conformance hold.
final class LoopGroup: @unchecked Sendable {
    let run: PageRun
    fileprivate(set) var members: ContiguousArray<EdgeConnection> = []
    /// Where the members that miss nothing stood after the last round.
    fileprivate var head: RunPosition

    init(run: PageRun) {
        self.run = run
        self.head = run.end
    }
}

/// All connections of one delivery loop: who they are, whose turn it is, when their heartbeats and last moments come.
///
/// Lives on the loop's thread; the loop enters it with `assumeIsolated`. Loops share nothing but pages.
actor LoopHub: DeliveryLoopDelegate, RunReader {
    nonisolated let loop: DeliveryLoop
    nonisolated let fanout: Fanout
    nonisolated let tail: LogTail
    nonisolated let history: History
    nonisolated let configuration: EdgeConfiguration
    nonisolated let logger: Logger
    nonisolated let counters = LoopCounters()
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    /// Runs that have grown since the last round. Filled by the feed's thread.
    private nonisolated let grown = Mutex(GrownRuns())
    private nonisolated let connectionEnded: @Sendable (Tenant) -> Void

    private struct GrownRuns {
        var runs: [PageRun] = []
        var known: Set<ObjectIdentifier> = []
        /// When the entry was taken in that has waited longest.
        var oldestIntake: Timestamp?
        /// Traced entries among what is new, of which there are hardly ever any.
        var traced: [(run: PageRun, trace: TracedDelivery)] = []
    }

    private struct Slot {
        var generation: UInt32
        var connection: EdgeConnection?
    }

    private var slots: ContiguousArray<Slot> = []
    private var freeSlots: [UInt32] = []
    private var groups: [Fanout.Key: LoopGroup] = [:]
    private var groupOfRun: [ObjectIdentifier: LoopGroup] = [:]
    private var connectionCount = 0

    private var heartbeats: HeartbeatWheel
    /// For forms that have an interval of their own.
    private var otherHeartbeats: [Duration: HeartbeatWheel] = [:]
    private var expiries = ExpiryBuckets()
    private var lingering: [(until: MonotonicInstant, handle: ConnectionHandle)] = []
    private var continuing: [EdgeConnection] = []
    private var ended: [EdgeConnection] = []
    private var chunks = ChunkCache()
    private var heartbeatBytes: (name: String, cursor: Cursor, bytes: [UInt8])?
    private var drain: DrainPlan?
    /// When laggards are counted again.
    private var nextCount = MonotonicInstant(nanoseconds: 0)
    private var drained: [CheckedContinuation<Void, Never>] = []

    init(
        loop: DeliveryLoop,
        fanout: Fanout,
        tail: LogTail,
        history: History,
        configuration: EdgeConfiguration,
        logger: Logger,
        connectionEnded: @escaping @Sendable (Tenant) -> Void
    ) {
        self.loop = loop
        self.fanout = fanout
        self.tail = tail
        self.history = history
        self.configuration = configuration
        self.logger = logger
        self.connectionEnded = connectionEnded
        self.heartbeats = Self.wheel(interval: configuration.heartbeatInterval, configuration)
    }

    // MARK: Taking a connection in

    /// Takes over an accepted stream; the hub owns `descriptor` from here on.
    func adopt(_ descriptor: Int32, ticket: ConnectionTicket, form: any WireForm) {
        let group = self.group(for: ticket.tenant, form: form)
        let handle = self.claimSlot()
        let socket = Socket(adopting: descriptor, sendBuffer: self.configuration.sendBuffer, giveUp: self.configuration.stallTimeout)
        let (position, opening) = self.begin(ticket, form: form)
        let connection = EdgeConnection(
            hub: self,
            group: group,
            handle: handle,
            socket: socket,
            ticket: ticket,
            position: position,
            opening: opening
        )
        self.slots[Int(handle.slot)].connection = connection
        self.connectionCount += 1
        self.counters.connections.set(self.connectionCount)
        do {
            let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
            try self.loop.register(descriptor, token: handle.token, events: events)
        } catch {
            self.logger.error("cannot watch a connection", metadata: ["error": "\(error)"])
            return connection.assumeIsolated { $0.endRequested(.stream(.overloaded)) }
        }
        group.members.append(connection)
        self.insertIntoWheel(handle, form.heartbeatInterval)
        self.expiries.insert(handle, at: ticket.expiresAt)
        let isDraining = self.drain != nil
        connection.assumeIsolated { connection in
            connection.attached()
            if let refusal = ticket.refusal { connection.endRequested(refusal) }
            if isDraining { connection.endRequested(.stream(.draining)) }
            if !ticket.earlyBytes.isEmpty { ticket.earlyBytes.withUnsafeBytes { connection.received($0) } }
        }
    }

    /// The first place of a connection, and the bytes it begins with. The place is fixed after the hub has registered
    /// with the run, so that nothing can fall between.
    private func begin(_ ticket: ConnectionTicket, form: any WireForm) -> (RunPosition, [UInt8]) {
        let feed = self.fanout.feed
        var start = ticket.start
        // Decided in an earlier life of the log: the cursor means nothing any more.
        if feed.position.generation != ticket.generation, start != .live { start = .unknownCursor }
        let cursor: Cursor
        let gap: StreamGap?
        switch start {
        case .live: (cursor, gap) = (feed.cursor, nil)
        case .after(let after): (cursor, gap) = (after, nil)
        case .unknownCursor: (cursor, gap) = (feed.cursor, .unknownCursor(current: feed.cursor))
        case .expired(let first):
            let expired = StreamGap.expired(missedBefore: first)
            (cursor, gap) = (expired.resumptionCursor, expired)
        }
        let now = self.configuration.wallClock()
        // A viewer of an execution brings a number, not a cursor.
        if ticket.refusal == nil, ticket.lease == nil { self.counters.resumed(start) }
        if ticket.refusal != nil { return (RunPosition(generation: feed.position.generation, sequence: cursor.sequence), ticket.head) }
        var bytes = form.opening(
            Opening(
                cursor: cursor,
                retry: self.jitteredRetry(),
                head: ticket.head,
                tenant: ticket.tenant,
                user: ticket.audience.user,
                time: now
            )
        )
        if let gap {
            bytes += form.gap(gap, time: now)
            self.counters.gaps.add(1)
        }
        return (RunPosition(generation: feed.position.generation, sequence: cursor.sequence), bytes)
    }

    private func group(for tenant: Tenant, form: any WireForm) -> LoopGroup {
        let key = Fanout.Key(tenant: tenant, form: form.name)
        if let group = self.groups[key] { return group }
        let group = LoopGroup(run: self.fanout.run(for: tenant, form: form, reader: self))
        self.groups[key] = group
        self.groupOfRun[ObjectIdentifier(group.run)] = group
        return group
    }

    private func insertIntoWheel(_ handle: ConnectionHandle, _ interval: Duration?) {
        guard let interval else { return self.heartbeats.insert(handle) }
        self.otherHeartbeats[interval, default: Self.wheel(interval: interval, self.configuration)].insert(handle)
    }

    private static func wheel(interval: Duration, _ configuration: EdgeConfiguration) -> HeartbeatWheel {
        HeartbeatWheel(interval: interval, tick: DeliveryLoop.tickInterval, phase: configuration.heartbeatPhase)
    }

    private func claimSlot() -> ConnectionHandle {
        if let slot = self.freeSlots.popLast() {
            return ConnectionHandle(slot: slot, generation: self.slots[Int(slot)].generation)
        }
        self.slots.append(Slot(generation: 0))
        return ConnectionHandle(slot: UInt32(self.slots.count - 1), generation: 0)
    }

    private func connection(_ handle: ConnectionHandle) -> EdgeConnection? {
        guard handle.slot < self.slots.count, self.slots[Int(handle.slot)].generation == handle.generation else { return nil }
        return self.slots[Int(handle.slot)].connection
    }

    // MARK: What connections ask for

    /// `connection` used up its turn's budget and has more to send: it goes on in the next round.
    func continueLater(_ connection: EdgeConnection) { self.continuing.append(connection) }

    /// `connection` has said its last words; it is closed when the peer closes, or in a while.
    func linger(_ connection: EdgeConnection) {
        self.lingering.append((self.loop.now().advanced(by: self.configuration.linger), connection.handle))
    }

    /// `connection` has closed its descriptor. It is forgotten at the end of the round: the fan-out may be going
    /// through the very list it stands in.
    func closed(_ connection: EdgeConnection, cause: CloseCause) {
        self.counters.closed(cause)
        self.ended.append(connection)
    }

    /// `connection` is to be written to in another form from here on.
    func move(_ connection: EdgeConnection, from old: LoopGroup, to form: any WireForm) -> LoopGroup {
        let new = self.group(for: old.run.tenant, form: form)
        guard new !== old else { return old }
        new.members.append(connection)
        old.members.removeAll { $0 === connection }
        self.forgetIfEmpty(old)
        return new
    }

    /// Entries of a run that have left its pages, from the tail; `nil` when they have left that, too. Connections that
    /// ask for the same within a round share one.
    func tailChunk(of run: PageRun, after sequence: UInt64) -> ChunkCache.Chunk? {
        if let chunk = self.chunks.chunk(of: run, after: sequence) { return chunk }
        // The tail holds tenants' events only.
        guard run.form.execution == nil else { return nil }
        switch self.tail.read(tenant: run.tenant, after: sequence, maxBytes: self.configuration.bytesPerTurn) {
        case .entries(let entries, let through):
            self.counters.tailReads.add(1)
            let chunk = ChunkCache.Chunk(page: self.page(of: entries, form: run.form), through: through)
            self.chunks.insert(chunk, of: run, after: sequence)
            return chunk
        case .evicted:
            return nil
        }
    }

    /// Encodes entries into a page of their own. Any thread.
    nonisolated func page(of entries: [LogEntry], form: any WireForm) -> Page {
        var encoded: [[UInt8]] = []
        encoded.reserveCapacity(entries.count)
        let epoch = self.fanout.feed.epoch
        for entry in entries {
            var bytes: [UInt8] = []
            form.append(entry, epoch: epoch, to: &bytes)
            encoded.append(bytes)
        }
        let page = Page(byteCapacity: encoded.reduce(0) { $0 + $1.count }, entryCapacity: entries.count)
        for (entry, bytes) in zip(entries, encoded) {
            page.append(
                bytes,
                sequence: entry.sequence,
                user: entry.event.user,
                type: entry.event.type,
                topic: form.topic(of: entry.event),
                isFinal: entry.execution?.isFinal ?? false
            )
        }
        return page
    }

    /// The heartbeat of this tick, encoded once for all who get the same.
    func heartbeat(_ form: any WireForm, cursor: Cursor) -> [UInt8] {
        if let cached = self.heartbeatBytes, cached.cursor == cursor, cached.name == form.name { return cached.bytes }
        let bytes = form.heartbeat(cursor: cursor, time: self.configuration.wallClock())
        self.heartbeatBytes = (form.name, cursor, bytes)
        return bytes
    }

    /// When a client is to come back: the configured time ± 50 %, so that a fleet does not return in step.
    nonisolated func jitteredRetry() -> Duration { self.configuration.retry * Double.random(in: 0.5...1.5) }

    // MARK: RunReader (the feed's thread)

    nonisolated func runGrew(_ run: PageRun, intake: Timestamp?, trace: TracedDelivery?) {
        self.grown.withLock { grown in
            if let intake { grown.oldestIntake = grown.oldestIntake.map { min($0, intake) } ?? intake }
            if let trace { grown.traced.append((run, trace)) }
            if grown.known.insert(ObjectIdentifier(run)).inserted { grown.runs.append(run) }
        }
        self.loop.signal()
    }

    // MARK: DeliveryLoopDelegate (the loop's thread)

    nonisolated func descriptorReady(token: UInt64, events: UInt32) {
        self.assumeIsolated { hub in
            hub.connection(ConnectionHandle(token: token))?.assumeIsolated { $0.descriptorReady(events) }
        }
    }

    nonisolated func signalled() {
        self.assumeIsolated { $0.deliverGrownRuns() }
    }

    nonisolated func ticked(now: MonotonicInstant) {
        self.assumeIsolated { $0.handleTick(now) }
    }

    nonisolated func roundEnded() -> Bool {
        self.assumeIsolated { $0.endRound() }
    }

    /// Every connection of a grown run writes from its position; those at the head share one slice.
    private func deliverGrownRuns() {
        let grown = self.grown.withLock { grown in
            defer { grown = GrownRuns() }
            return grown
        }
        for run in grown.runs {
            guard let group = self.groupOfRun[ObjectIdentifier(run)] else { continue }
            let head = group.head
            var shared = PageSlice(segments: [])
            if case .slice(let slice) = run.read(after: head, maxBytes: self.configuration.bytesPerTurn) { shared = slice }
            group.head = shared.segments.last.map { RunPosition(generation: head.generation, sequence: $0.lastSequence) } ?? run.end
            for connection in group.members {
                connection.assumeIsolated { $0.entriesPublished(shared, from: head) }
            }
        }
        for (run, trace) in grown.traced { self.closePart(of: trace, run) }
        // Once a batch and not once a delivery: that is what it may cost.
        guard let oldest = grown.oldestIntake else { return }
        self.counters.latency.record(
            milliseconds: self.configuration.wallClock().millisecondsSinceEpoch - oldest.millisecondsSinceEpoch
        )
    }

    /// Counts who has been written a traced entry, and who is to get it and has not yet.
    private func closePart(of trace: TracedDelivery, _ run: PageRun) {
        let entry = PageEntry(
            sequence: trace.cursor.sequence,
            end: 0,
            personalCount: 0,
            isFinal: false,
            user: trace.event.user,
            type: trace.event.type,
            topic: run.form.topic(of: trace.event)
        )
        var connections = 0
        var behind = 0
        for connection in self.groupOfRun[ObjectIdentifier(run)]?.members ?? [] {
            switch connection.assumeIsolated({ $0.hasPassed(entry) }) {
            case true?: connections += 1
            case false?: behind += 1
            case nil: break
            }
        }
        trace.closePart(connections: connections, behind: behind)
    }

    private func handleTick(_ now: MonotonicInstant) {
        self.heartbeatBytes = nil
        var due = self.heartbeats.advance(isAlive: { self.connection($0) != nil })
        for interval in self.otherHeartbeats.keys {
            due += self.otherHeartbeats[interval]?.advance(isAlive: { self.connection($0) != nil }) ?? []
        }
        for handle in due {
            self.connection(handle)?.assumeIsolated { $0.heartbeatDue(now: now) }
        }
        for handle in self.expiries.removeExpired(now: self.configuration.wallClock().millisecondsSinceEpoch / 1000) {
            self.connection(handle)?.assumeIsolated { $0.endRequested(.stream(.tokenExpired)) }
        }
        while let first = self.lingering.first, first.until <= now {
            self.lingering.removeFirst()
            self.connection(first.handle)?.assumeIsolated { $0.lingerElapsed() }
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
        self.forgetEnded()
        self.chunks.removeAll()
        return !self.continuing.isEmpty
    }

    private func forgetEnded() {
        guard !self.ended.isEmpty else { return }
        for connection in self.ended {
            let slot = Int(connection.handle.slot)
            self.slots[slot].connection = nil
            self.slots[slot].generation &+= 1
            self.freeSlots.append(connection.handle.slot)
            self.connectionCount -= 1
            if connection.wasAdmitted { self.connectionEnded(connection.tenant) }
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
        self.ended.removeAll()
        self.counters.connections.set(self.connectionCount)
        if self.connectionCount == 0, self.drain != nil { self.finishDrain() }
    }

    private func forgetIfEmpty(_ group: LoopGroup) {
        guard group.members.isEmpty else { return }
        self.groups[Fanout.Key(tenant: group.run.tenant, form: group.run.form.name)] = nil
        self.groupOfRun[ObjectIdentifier(group.run)] = nil
        self.fanout.release(group.run, reader: self)
    }

    // MARK: Drain

    /// Ends all connections, spread over `window`; returns when the last is gone. New ones are ended at once.
    func drainConnections(window: Duration) async {
        self.drain = DrainPlan(deadline: self.loop.now().advanced(by: window))
        self.drainStep(self.loop.now())
        guard self.connectionCount > 0 else { return }
        await withCheckedContinuation { self.drained.append($0) }
    }

    private func drainStep(_ now: MonotonicInstant) {
        guard self.drain != nil else { return }
        let open = self.slots.compactMap { $0.connection }.filter { connection in connection.assumeIsolated { $0.isOpen } }
        let share = self.drain?.share(of: open.count, now: now, tick: DeliveryLoop.tickInterval) ?? 0
        for connection in open.prefix(share) { connection.assumeIsolated { $0.endRequested(.stream(.draining)) } }
    }

    private func finishDrain() {
        for continuation in self.drained { continuation.resume() }
        self.drained = []
    }
}
