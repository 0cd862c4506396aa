import AccessControl
import Basics
import CEpoll
import EventLog
import EventModel
import Glibc
import Logging

/// An accepted stream: a socket and a position in the log, on one delivery loop until its end.
///
/// On the loop's thread; the hub calls it with `assumeIsolated`. It buffers only what a full socket did not take of its control frames and
/// its conversation's messages, and one chunk read from the log while its position is older than memory.
actor EdgeConnection {
    // Ordered by alignment, so that there is no padding; `PendingWorkTests` holds the size.

    nonisolated let hub: LoopHub
    nonisolated let handle: ConnectionHandle
    /// The admission, held until the hub removes the connection.
    private var admission: Admission?
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.hub.unownedExecutor }

    /// The connections of this loop that read the same chain.
    var group: LoopGroup
    /// Buffers of work in progress; nil for an idle connection, which halves its memory.
    var pending: PendingWork?
    private let inbound: WebSocketHandler?
    /// When the server ends the stream.
    let end: StreamEnd
    /// The place in the descriptor budget, until the descriptor is closed.
    private var place: DescriptorBudget.Detached?
    let audience: Audience
    /// What later revocations are compared with.
    var mark: TokenMark
    /// The token's `exp`, in seconds since 1970 UTC: when the connection ends, unless its token is renewed.
    var expiresAt: Int64
    let openedAt: MonotonicInstant
    /// Where delivery began.
    let start: Cursor
    var progress: DeliveryProgress
    var bytes: UInt64 = 0
    var deliveries: UInt32 = 0
    var generation: UInt32
    /// Index in ``group``; kept by the group.
    var memberIndex = MemberIndex.none
    var state = ConnectionState() {
        didSet {
            guard oldValue.isBlocked != self.state.isBlocked else { return }
            self.hub.counters.laggards.add(self.state.isBlocked ? 1 : -1)
        }
    }
    var socket: Socket
    private let request: OpeningRequest
    /// Whether it holds one of the edge's places.
    nonisolated let wasAdmitted: Bool
    /// Whether reading is paused because too many answers are unsent.
    private(set) var isDeaf = false
    /// Whether the hub has been asked for an input turn.
    var isAwaitingInputTurn = false
    /// Whether the peer has sent its close frame.
    private var hasPeerClosed = false
    /// Whether the conversation has been informed of the end.
    private var hasConversationEnded = false
    /// Whether the client was informed that the log is out of reach, and not yet that it is back.
    var isToldStalled = false
    /// Whether the hub has been asked for another turn.
    var isContinuing = false

    init(
        hub: LoopHub,
        group: LoopGroup,
        handle: ConnectionHandle,
        socket: Socket,
        ticket: ConnectionTicket,
        beginning: StreamBeginning,
        admission: consuming AdmissionAnswer
    ) {
        self.hub = hub
        self.group = group
        self.handle = handle
        self.socket = socket
        self.audience = ticket.audience
        self.mark = ticket.principal?.mark ?? .ofNoToken
        self.expiresAt = ticket.expiresAt
        let wasAdmitted = admission.refusal == nil
        self.wasAdmitted = wasAdmitted
        self.admission = admission.place()
        self.request = OpeningRequest(id: ticket.requestID, traceID: ticket.traceID)
        let inbound = ticket.inbound.makeHandler(admitted: wasAdmitted)
        self.inbound = inbound
        self.openedAt = hub.loop.now()
        self.end = StreamEnd(ticket.end, start: beginning.cursor, gap: beginning.gap, separator: group.chain.encoder.separatorLength)
        self.generation = beginning.position.generation
        self.progress = DeliveryProgress(sequence: beginning.position.sequence)
        self.start = beginning.cursor
        self.place = if let place = ticket.place { place.detached() } else { nil }
        let pending = PendingWork()
        pending.outbox.append(beginning.opening)
        pending.unread = ticket.earlyBytes
        self.pending = pending
        inbound?.conversation?.attach(to: self)
    }

    /// The tenant whose events it reads. On the loop's thread.
    nonisolated var tenant: Tenant { self.assumeIsolated { $0.group.chain.source.tenant } }

    /// The conversation with the client, on a surface that has one.
    var conversation: (any Conversation)? { self.inbound?.conversation }

    /// The id of the request that opened it.
    var requestID: String { self.request.id }

    /// Whether events are still delivered.
    var isOpen: Bool { self.state.isOpen }

    /// Whether `entry`, the next one of its chain, has been written to the connection; nil when the connection does not receive it.
    func hasPassed(_ entry: PageEntry) -> Bool? {
        let isReceived = withUnsafePointer(to: entry) { entry in
            guard let conversation = self.conversation else { return self.audience.admits(entry) }
            return ConversationFilter(audience: self.audience, conversation: conversation, begun: nil).admits(entry)
        }
        guard isReceived else { return nil }
        guard self.progress.sequence < entry.sequence else { return true }
        return self.isOpen ? false : nil
    }

    /// Releases the admission. The hub removes the connection; its slot may be reused.
    func giveBackAdmission() { self.admission = nil }

    // MARK: Events, reported by the hub

    /// The hub has added the connection to its group: sends the opening and the entries missed.
    func attached() { self.perform(self.state.attached()) }

    /// The group's chain has grown. `shared` is the slice after `sharedFrom`, read once for all connections at that position.
    ///
    /// - Parameter reachesEnd: whether the slice ends at the chain's end; entries appended since are reported by another call.
    func entriesPublished(_ shared: PageSlice, from sharedFrom: ChainPosition, reachesEnd: Bool) {
        guard self.state.entriesPublished() == .deliver, !self.isContinuing else { return }
        if self.progress.sequence == sharedFrom.sequence, self.generation == sharedFrom.generation,
            !self.progress.isInMidEntry, self.outbox.isEmpty, self.replay == nil
        {
            guard self.send(shared) else { return }
            // The common case: there is nothing else to write, and nothing to do at the end.
            if reachesEnd, self.pending == nil, self.end.batch == nil { return }
        }
        self.deliver()
    }

    /// ``entriesPublished(_:from:reachesEnd:)`` for the members of a group.
    ///
    /// `assumeIsolated` would find the current executor and allocate its closure for each of thousands of members, which is a fortieth of a delivery.
    /// They share the hub's executor (``unownedExecutor``), in whose isolation this function runs.
    static func entriesPublished(
        _ shared: PageSlice,
        from sharedFrom: ChainPosition,
        reachesEnd: Bool,
        to members: ContiguousArray<EdgeConnection>,
        on hub: isolated LoopHub
    ) {
        typealias Published = @Sendable (EdgeConnection, PageSlice, ChainPosition, Bool) -> Void
        let isolated: @Sendable (isolated EdgeConnection, PageSlice, ChainPosition, Bool) -> Void = {
            $0.entriesPublished($1, from: $2, reachesEnd: $3)
        }
        // As `assumeIsolated` does it: isolation is no part of the calling convention of a synchronous function.
        let published = unsafeBitCast(isolated, to: Published.self)
        for connection in members {
            precondition(connection.hub === hub, "the members of a group are on one loop")
            published(connection, shared, sharedFrom, reachesEnd)
        }
    }

    /// Handles an epoll event of the descriptor.
    func descriptorReady(_ events: UInt32) {
        if events & EPOLLERR.rawValue != 0 { return self.perform(self.state.socketFailed()) }
        if events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 {
            self.hub.assumeIsolated { $0.inputArrived(at: self) }
            guard self.state.phase != .closed else { return }
        }
        guard events & EPOLLOUT.rawValue != 0 else { return }
        self.performInTurn(self.state.becameWritable())
        self.tellStanding()
    }

    /// The connection's slot of the heartbeat wheel is due.
    func heartbeatDue(now: MonotonicInstant) {
        // A connection blocked for a whole interval releases its chunk: it is read again on demand.
        if case .following(.blocked) = self.state.phase { self.replay = nil }
        if self.socket.unacknowledgedFor() >= self.hub.configuration.peerTimeout { return self.perform(self.state.peerFellSilent()) }
        // While reading is paused, the client does not count as silent.
        if !self.isDeaf, let ending = self.inbound?.silence(now: now) { return self.endRequested(ending) }
        if self.isReadTooSlowly(now: now) { return self.endRequested(.stalled) }
        self.perform(self.state.heartbeatDue(now: now, stallTimeout: self.hub.configuration.stallTimeout))
    }

    /// Whether the client takes almost nothing of a large backlog.
    func isReadTooSlowly(now: MonotonicInstant) -> Bool {
        self.pending?.outbox.isStalled(now: now, patience: self.hub.configuration.unsentPatience) ?? false
    }

    /// Whether it waits for an entry until a deadline that the hub watches.
    var isWaitingForDeadline: Bool { self.end.batch.map { !$0.isOverdue } ?? false }

    /// The deadline of a batch has passed.
    func deadlinePassed() {
        guard let batch = self.end.batch else { return }
        batch.waited()
        // Wait for the read of the log only if the batch has made no progress: the next one would have to wait for the same read.
        if case .reading = self.state.phase, batch.hasProgressed { return self.endRequested(.finished) }
        self.perform(self.state.entriesPublished())
    }

    /// The drain has begun. A batch ends at once with the entries it has; streams end at the pace of the drain.
    func drainBegan() {
        if self.end.batch != nil { self.endRequested(.draining) }
    }

    /// The edge ends the connection.
    func endRequested(_ ending: Ending) { self.perform(self.state.endRequested(ending)) }

    /// The next round has begun: continues after a turn that used up its budget.
    func turnCame() {
        self.isContinuing = false
        self.perform(self.state.turnCame())
    }

    /// The linger time has passed, unless it was extended since.
    func lingerElapsed(now: MonotonicInstant) {
        guard let until = self.pending?.lingersUntil, until <= now else { return }
        // Until the kernel holds the farewell, it can arrive only if the client reads.
        let isDraining = self.hub.assumeIsolated { $0.drain != nil }
        if let deadline = self.pending?.farewellDeadline, now < deadline, self.state.isEnding, !isDraining { return self.linger() }
        self.perform(self.state.lingerElapsed())
    }

    // MARK: Input: read in turns, so that no client delays the others of its loop (``InputBudget``)

    /// Reading is paused above this many unsent bytes.
    static let outboxLimit = 64 * 1024
    /// Bytes of input that are decoded after the connection has begun to end, only to find the peer's close frame.
    private static let decodedWhileEnding = 4 * 1024
    /// Bytes of input that are then read and dropped: unread input would make the kernel reset the connection before the peer has read the
    /// farewell.
    private static let readWhileEnding = 1024 * 1024

    /// The result of an input turn.
    struct InputTurn {
        /// The cost, in units of ``InputBudget``.
        var cost: Int
        /// Whether there may be more input to read now.
        var hasMore: Bool
    }

    /// Reads input for one turn. Called by the loop's hub.
    func takeInputTurn() -> InputTurn {
        var budget = InputBudget()
        let outcome = self.readInput(&budget)
        // Write the answers together.
        self.deliverUnlessInTurn()
        switch outcome {
        case .spent: break
        case .nothing, .deaf: return InputTurn(cost: InputBudget.turn - budget.left, hasMore: false)
        case .closed: self.perform(self.state.peerClosed())
        case .failed: self.perform(self.state.socketFailed())
        }
        return InputTurn(cost: InputBudget.turn - budget.left, hasMore: self.state.phase != .closed)
    }

    private enum InputOutcome {
        /// The budget is used up; there may be more.
        case spent
        /// The socket has no more input.
        case nothing
        /// Reading is paused until the client has read most of its answers.
        case deaf
        case closed
        case failed
    }

    private func readInput(_ budget: inout InputBudget) -> InputOutcome {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer -> InputOutcome in
            while self.state.phase != .closed {
                let wasDeaf = self.isDeaf
                self.isDeaf = self.state.isOpen && self.outbox.count > Self.outboxLimit
                if self.isDeaf { return .deaf }
                if wasDeaf { self.inbound?.listensAgain(now: self.hub.loop.now()) }
                if budget.isSpent { return .spent }
                if let pending = self.pending, !pending.unread.isEmpty {
                    let unread = pending.unread
                    pending.unread = []
                    unread.withUnsafeBytes { self.take($0, &budget) }
                    continue
                }
                guard self.state.isOpen || self.readAfterEnd < Self.readWhileEnding else { return .nothing }
                switch self.socket.read(into: buffer) {
                case .bytes(let count): self.take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), &budget)
                case .nothing: return .nothing
                case .closed: return .closed
                case .failed: return .failed
                }
            }
            return .nothing
        }
    }

    /// Bytes of input since the connection began to end.
    private var readAfterEnd: Int { self.pending?.readAfterEnd ?? 0 }

    /// Decodes bytes; keeps those beyond the budget for the next turn.
    private func take(_ bytes: UnsafeRawBufferPointer, _ budget: inout InputBudget) {
        let isDecoded = self.state.isOpen || self.readAfterEnd < Self.decodedWhileEnding
        if !self.state.isOpen { self.pendingWork().readAfterEnd += bytes.count }
        guard let inbound = self.inbound, isDecoded else { return budget.spend(bytes.count) }
        let (taken, reactions) = inbound.received(bytes, now: self.hub.loop.now(), budget: &budget)
        for reaction in reactions { self.react(to: reaction) }
        if taken < bytes.count, self.state.phase != .closed { self.pendingWork().unread = Array(bytes[taken...]) }
    }

    private func react(to reaction: InboundReaction) {
        switch reaction {
        case .send(let answer):
            if self.state.isOpen { self.outbox.append(answer) }
        case .pass(let text):
            if let conversation = self.conversation, self.state.isOpen { self.pass(text, to: conversation) }
        case .authenticate(let token):
            self.authenticate(token, for: nil)
        case .end(let ending):
            if ending.kind == .peerClosed { self.hasPeerClosed = true }
            if self.hasPeerClosed, self.state.phase == .closing { return self.perform(self.state.peerClosed()) }
            self.endRequested(ending)
        }
    }

    // MARK: Entries older than memory: one chunk of the log at a time

    private func readLog() {
        let position = self.progress.sequence
        let generation = self.generation
        let history = self.hub.history
        let feed = self.hub.fanout.feed
        let source = self.group.chain.source
        self.hub.counters.logReads.add(1)
        self.pendingWork().reader = Task { [weak self] in
            let chunk = await history.read(source, after: position, feed: feed)
            await self?.logRead(chunk, after: position, generation: generation)
        }
    }

    private func logRead(_ chunk: History.Chunk, after position: UInt64, generation: UInt32) {
        self.pending?.reader = nil
        // An ending connection needs only the rest of the entry in progress.
        guard self.state.isOpen || self.state.isEnding && self.progress.isInMidEntry else { return }
        // The conversation has moved the position back, or the log was replaced: the chunk is for another position.
        guard generation == self.generation, position == self.progress.sequence else { return self.perform(self.state.logRead()) }
        switch chunk {
        case .entries(let entries, let through, let missedBefore):
            if let missedBefore, !self.skip(to: missedBefore) { return }
            let (chain, from) = (self.group.chain, ChainPosition(generation: generation, sequence: position))
            let page = self.hub.assumeIsolated { $0.replayPage(of: entries, on: chain, after: from) }
            self.replay = (page, through)
            self.perform(self.state.logRead())
        case .expired(let missedBefore):
            guard self.skip(to: missedBefore) else { return }
            self.perform(self.state.logRead())
        case .unavailable:
            self.hub.logger.warning("the log cannot be read, and a connection ends that has to be served from it")
            self.perform(self.state.logUnavailable(inMidEntry: self.progress.isInMidEntry))
        }
    }

    /// Skips entries that left the log before they were delivered: sends the gap and continues with the first entry kept. Returns false
    /// when the connection ends, because the rest of the entry in progress is gone.
    private func skip(to missedBefore: Cursor) -> Bool {
        guard !self.progress.isInMidEntry else {
            self.perform(self.state.entryLost())
            return false
        }
        // A batch has one gap, before its first event: the next batch, which begins where this one ends, reports this one.
        if let batch = self.end.batch, self.deliveries > 0 || batch.gap != nil {
            self.endRequested(.finished)
            return false
        }
        let gap = StreamGap.expired(missedBefore: missedBefore)
        self.progress = DeliveryProgress(sequence: gap.resumptionCursor.sequence)
        self.tell(gap)
        return true
    }

    /// Drops the chunk if the log no longer keeps all of its unsent entries.
    func logTrimmed(to retention: LogRetention) {
        guard let page = self.replay?.page else { return }
        let next = page.firstEntry(after: self.progress.sequence, in: 0..<page.entryCount)
        let isStale = (next..<page.entryCount).contains { retention.hasDropped(page.entries[$0].sequence) }
        if isStale {
            self.replay = nil
            self.perform(self.state.entriesPublished())
        }
    }

    // MARK: Actions

    func perform(_ action: ConnectionState.DeliveryAction) {
        switch action {
        case .none: break
        case .deliver: self.deliver()
        }
    }

    func perform(_ action: ConnectionState.ReadingAction) {
        switch action {
        case .none: break
        case .readLog: self.readLog()
        }
    }

    private func perform(_ action: ConnectionState.HeartbeatAction) {
        switch action {
        case .none: break
        case .sendHeartbeat: self.sendHeartbeat()
        case .sayFarewell(let ending): self.sayFarewell(ending)
        }
    }

    func perform(_ action: ConnectionState.EndAction) {
        switch action {
        case .none: break
        case .sayFarewell(let ending): self.sayFarewell(ending)
        }
    }

    private func perform(_ action: ConnectionState.UnavailableAction) {
        switch action {
        case .none: break
        case .sayFarewell(let ending): self.sayFarewell(ending)
        case .close(let ending): self.close(ending)
        }
    }

    func perform(_ action: ConnectionState.FarewellSentAction) {
        switch action {
        case .none: break
        case .awaitPeer(let ending): self.awaitPeer(ending)
        }
    }

    private func perform(_ action: ConnectionState.LingerAction) {
        switch action {
        case .none: break
        case .cutToFarewell(let ending): self.cutToFarewell(ending)
        case .close(let ending): self.close(ending)
        }
    }

    func perform(_ action: ConnectionState.CloseAction) {
        switch action {
        case .none: break
        case .close(let ending): self.close(ending)
        }
    }

    /// Sends a heartbeat with the feed's cursor, so that a quiet client has a recent cursor; only if the connection has
    /// handled everything up to there.
    func sendHeartbeat() {
        self.deliver()
        guard self.state.phase == .following(.writable), self.outbox.isEmpty, let cursor = self.freshCursor() else { return }
        let encoder = self.group.chain.encoder
        let heartbeat = self.hub.assumeIsolated { $0.heartbeat(encoder, cursor: cursor) }
        guard !heartbeat.isEmpty else { return }
        self.outbox.append(heartbeat)
        _ = self.flushOutbox(limit: .max)
        self.releasePendingWork()
        self.hub.counters.heartbeats.add(1)
    }

    /// The feed's cursor; nil for a connection that has not handled everything up to there.
    private func freshCursor() -> Cursor? {
        // Read the feed's position first: an entry appended in between puts the chain's end ahead of the connection.
        let feed = self.hub.fanout.feed
        let end = self.group.chain.end
        guard !self.progress.isInMidEntry, self.replay == nil, end.generation == self.generation,
            feed.position.generation == self.generation, self.progress.sequence >= end.sequence
        else { return nil }
        // The client may have presented a cursor from an edge whose feed is ahead: never send it an older one.
        if self.progress.sequence <= feed.position.sequence { return feed.cursor }
        if self.start.sequence == self.progress.sequence { return self.start }
        return self.hub.tail.cursor(at: self.progress.sequence, epoch: feed.epoch)
    }

    /// Queues the farewell and writes as much as the socket takes.
    private func sayFarewell(_ ending: Ending) {
        self.endConversation()
        if ending.kind == .stalled {
            self.pendingWork().farewellDeadline = self.hub.loop.now().advanced(by: self.hub.configuration.unsentPatience)
        }
        if !self.progress.isInMidEntry {
            self.pending?.reader?.cancel()
            self.state.readingCancelled()
        }
        let farewell = self.farewell(ending)
        // Without a farewell there is no reason to wait for a full socket.
        if farewell.isEmpty, self.state.isBlocked { return self.perform(self.state.farewellOmitted()) }
        // All that a refused connection has queued is its opening.
        if ending.dropsQueue, self.wasAdmitted { return self.cutToFarewell(ending) }
        self.outbox.append(farewell)
        self.sendFarewell()
    }

    /// Drops the queue except for the message in progress, so that only the farewell is left to be sent, and enlarges the kernel's send
    /// buffer for it: it arrives when the peer reads, even if this process has closed the descriptor by then.
    private func cutToFarewell(_ ending: Ending) {
        let isFarewellBegun = !self.progress.isInMidEntry && self.outbox.holdsOneMessage
        if ending.dropsQueue || !isFarewellBegun {
            if self.progress.isInMidEntry { self.outbox = Outbox() } else { self.outbox.dropUnbegun() }
            self.outbox.append(self.farewell(ending))
        }
        self.socket.growSendBuffer(to: Self.farewellBuffer)
        _ = self.state.becameWritable()
        self.sendFarewell()
    }

    /// Size of the kernel's send buffer for the rest of a message and the farewell, in bytes.
    private static let farewellBuffer: Int32 = 1024 * 1024

    private func sendFarewell() {
        self.linger()
        self.perform(self.state.turnCame())
        // Read and drop further input: unread, it would make the kernel reset the connection at the close.
        if self.isDeaf, self.state.phase != .closed { self.hub.assumeIsolated { $0.listenLater(to: self) } }
    }

    private func awaitPeer(_ ending: Ending) {
        // The peer's close frame ends a WebSocket. Where none is expected, shut down the sending side.
        if self.inbound == nil || ending.kind == .peerClosed { self.socket.finishSending() }
        self.linger()
        if self.hasPeerClosed, ending.kind != .peerClosed { self.perform(self.state.peerClosed()) }
    }

    private func linger() {
        self.pendingWork().lingersUntil = self.hub.assumeIsolated { $0.linger(self) }
    }

    private func farewell(_ ending: Ending) -> [UInt8] {
        if ending.kind == .peerClosed {
            return ending.peerCode.map { WebSocketFrame.close($0, reason: "") } ?? WebSocketFrame.control(.close, [])
        }
        let encoder = self.group.chain.encoder
        let farewell = encoder.farewell(ending, retry: ending.kind == .draining ? self.hub.jitteredRetry() : nil)
        // A response with a part dropped, or refused before its opening, cannot be completed.
        guard let batch = self.end.batch, !ending.dropsQueue, self.wasAdmitted else { return farewell }
        return self.conclusion(of: batch, encoder) + farewell
    }

    /// Encodes the end of a batch. The entry in progress is finished before it is sent.
    private func conclusion(of batch: Batch, _ encoder: any StreamEncoder) -> [UInt8] {
        let position = ChainPosition(generation: self.generation, sequence: self.progress.sequence)
        // The log was replaced, and the connection has not handled that yet.
        if case .replaced(let start) = self.group.chain.read(after: position, maxBytes: 0) {
            // As in ``moveToNewLog(_:)``: no cursor continues events of a log that was replaced.
            if self.deliveries > 0 { return [] }
            let gap = self.gap(before: start)
            return encoder.conclusion(cursor: gap.resumptionCursor, gap: gap)
        }
        return encoder.conclusion(cursor: self.freshCursor() ?? batch.place, gap: batch.gap)
    }

    /// Informs the conversation of the end, once.
    private func endConversation() {
        self.pending?.changes = []
        self.pending?.sought = []
        guard !self.hasConversationEnded else { return }
        self.hasConversationEnded = true
        self.conversation?.ended()
    }

    /// Updates the connection's share of the budget for unsent bytes. Returns whether it is within the budget.
    @discardableResult
    func budgetUnsent() -> Bool {
        let bytes = self.outbox.count + (self.state.isOpen ? self.conversation?.heldBytes ?? 0 : 0)
        let unsent = bytes > Outbox.toleratedBytes ? bytes : 0
        let budgeted = self.pending?.budgeted ?? 0
        // The common case.
        if unsent == 0, budgeted == 0 { return true }
        self.pendingWork().budgeted = unsent
        return self.hub.unsent.change(of: self.tenant, from: budgeted, to: unsent)
    }

    private func close(_ ending: Ending) {
        self.pending?.reader?.cancel()
        self.replay = nil
        self.rest = []
        self.pending?.outbox = Outbox()
        self.budgetUnsent()
        self.endConversation()
        self.pending = nil
        self.hub.loop.deregister(self.socket.descriptor)
        self.place = nil
        self.socket.closeDescriptor()
        self.hub.assumeIsolated { $0.closed(self, ending: ending) }
        self.report(ending)
    }

    /// Logs the end of the connection in one line; off the loop, because a log may be slow.
    private func report(_ ending: Ending) {
        let seconds = Double(self.hub.loop.now().nanoseconds - self.openedAt.nanoseconds) / 1e9
        var metadata: Logger.Metadata = [
            LogKey.tenant: "\(self.tenant)", LogKey.user: "\(self.audience.user?.text ?? "")", LogKey.cause: "\(ending)",
            LogKey.deliveries: "\(self.deliveries)", LogKey.bytes: "\(self.bytes)", LogKey.seconds: "\(seconds)",
            LogKey.requestID: "\(self.requestID)", LogKey.connectionID: "\(self.id)",
        ]
        if let traceID = self.request.traceID { metadata[LogKey.traceID] = "\(traceID)" }
        let logger = self.hub.logger
        Task { [metadata] in logger.info("connection ended", metadata: metadata) }
    }
}
