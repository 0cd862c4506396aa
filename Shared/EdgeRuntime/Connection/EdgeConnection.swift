import CEpoll
import EventLog
import EventModel
import Glibc
import Logging

/// One accepted stream: a socket and a position in the log, on one delivery loop for life.
///
/// All of it runs on the loop's thread; the hub enters it with `assumeIsolated`. It buffers nothing but the few bytes of
/// its own control frames that a full socket did not take, and while its position is older than memory one chunk read
/// from the log.
actor EdgeConnection {
    nonisolated let hub: LoopHub
    nonisolated let handle: ConnectionHandle
    nonisolated let tenant: Tenant
    /// Whether it takes one of the edge's places.
    nonisolated let wasAdmitted: Bool
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.hub.unownedExecutor }

    /// Who reads the same run on this loop.
    private(set) var group: LoopGroup
    private var socket: Socket
    private var state = ConnectionState()
    private let audience: Audience
    private let requestID: String
    private let traceID: String?
    private let inbound: (any InboundHandler)?
    private let conversation: (any Conversation)?
    /// There is one with a conversation only.
    private let link: ConversationLink?
    /// Cursors of the conversation that have been found, and other changes that must not happen in the middle of an entry.
    private var changes: [StreamChange] = []
    private let openedAt: MonotonicInstant
    /// Whether what it reads ends one day.
    private let isFinite: Bool

    private var generation: UInt32
    private var progress: DeliveryProgress
    /// Control bytes that did not fit; go first, never in the middle of an entry.
    private var outbox: ArraySlice<UInt8> = []
    /// A chunk read from the log, and how far it makes the connection complete.
    private var replay: (page: Page, through: UInt64)?
    private var reader: Task<Void, Never>?
    private var deliveries: UInt32 = 0
    private var bytes: UInt64 = 0
    /// Whether reading is put off because answers pile up.
    private var isDeaf = false
    private static let outboxLimit = 64 * 1024
    /// What a step of a turn costs besides the bytes it looks at, in bytes.
    private static let stepCost = 1024
    /// Beyond this much that a client was told and does not read, it is not worth waiting for.
    private static let outboxCeiling = 1024 * 1024
    private var endReason: EndReason = .stream(.unavailable)

    /// - Parameter position: Where delivery begins; the opening bytes are in `opening`.
    init(
        hub: LoopHub,
        group: LoopGroup,
        handle: ConnectionHandle,
        socket: Socket,
        ticket: ConnectionTicket,
        position: RunPosition,
        opening: [UInt8]
    ) {
        self.hub = hub
        self.group = group
        self.handle = handle
        self.socket = socket
        self.audience = ticket.audience
        self.tenant = ticket.tenant
        self.wasAdmitted = ticket.refusal == nil
        self.requestID = ticket.requestID
        self.traceID = ticket.traceID
        self.inbound = ticket.inbound.makeHandler()
        (self.conversation, self.link) = ticket.refusal == nil ? ticket.inbound.makeConversation() : (nil, nil)
        self.openedAt = hub.loop.now()
        self.isFinite = group.run.form.execution != nil
        self.generation = position.generation
        self.progress = DeliveryProgress(sequence: position.sequence)
        self.outbox = opening[...]
        self.link?.attach(self)
    }

    /// Whether events are still delivered to it.
    var isOpen: Bool { self.state.isOpen }

    /// Whether its socket is full.
    var isBlocked: Bool { self.state.isBlocked }

    /// Whether `entry`, the next one of its run, has been written to the connection; nil when it is not for it.
    func hasPassed(_ entry: PageEntry) -> Bool? {
        guard self.audience.admits(entry) else { return nil }
        if let conversation = self.conversation,
            !conversation.admits(sequence: entry.sequence, topic: entry.topic, type: entry.type)
        {
            return nil
        }
        guard self.progress.sequence < entry.sequence else { return true }
        return self.isOpen ? false : nil
    }

    // MARK: Facts, reported by the hub

    /// The connection is a member of its group; it sends its opening and what it has missed.
    func attached() { self.perform(self.state.attached()) }

    /// The group's run has grown. `shared` is what follows `sharedFrom`, taken once for all who stand there.
    func entriesPublished(_ shared: PageSlice, from sharedFrom: RunPosition) {
        guard self.state.entriesPublished() == .deliver else { return }
        if self.progress.sequence == sharedFrom.sequence, self.generation == sharedFrom.generation,
            !self.progress.isInMidEntry, self.outbox.isEmpty, self.replay == nil
        {
            guard self.send(shared) else { return }
        }
        self.deliver()
    }

    /// The descriptor has news.
    func descriptorReady(_ events: UInt32) {
        if events & EPOLLERR.rawValue != 0 { return self.perform(self.state.socketFailed()) }
        if events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0, !self.drainInbound() { return }
        if events & EPOLLOUT.rawValue != 0 { self.perform(self.state.becameWritable()) }
    }

    /// The connection's slot of the heartbeat wheel has come round.
    func heartbeatDue(now: MonotonicInstant) {
        // A reader that has been stuck for a whole interval keeps no chunk: it is read again when it is wanted.
        if case .following(.blocked) = self.state.phase { self.replay = nil }
        if self.socket.unacknowledgedFor() >= self.hub.configuration.peerTimeout { return self.perform(self.state.peerFellSilent()) }
        if let reason = self.inbound?.silence(now: now) { return self.endRequested(reason) }
        self.perform(self.state.heartbeatDue(now: now, stallTimeout: self.hub.configuration.stallTimeout))
    }

    /// The edge wants the connection to end.
    func endRequested(_ reason: EndReason) {
        self.perform(self.state.endRequested(reason, inMidEntry: self.progress.isInMidEntry))
    }

    /// A budget's worth was written in the last round; there is more.
    func turnCame() { self.perform(self.state.entriesPublished()) }

    /// The peer had its moment to take the last words.
    func lingerElapsed() { self.perform(self.state.lingerElapsed(self.endReason)) }

    // MARK: Actions

    private func perform(_ action: ConnectionState.Action) {
        switch action {
        case .none: break
        case .deliver: self.deliver()
        case .readLog: self.readLog()
        case .sendHeartbeat: self.sendHeartbeat()
        case .sayFarewell(let reason): self.sayFarewell(reason)
        case .close(let cause): self.close(cause)
        }
    }

    /// Writes from the position towards the end, until the end, a full socket, or the turn's budget.
    private func deliver() {
        // What is looked at counts, and not only what is written: a filter that nothing passes must not hold up the others.
        var work = 0
        while work < self.hub.configuration.bytesPerTurn {
            // Control bytes go between entries: one that was begun is finished first.
            if !self.progress.isInMidEntry {
                guard self.flushOutbox() else { return }
                if !self.changes.isEmpty {
                    self.apply(self.changes.removeFirst())
                    guard self.state.isOpen else { return }
                    work += Self.stepCost
                    continue
                }
            }
            switch self.nextStep() {
            case .send(let slice, let through):
                work += slice.byteCount + Self.stepCost
                let isCut = !self.outbox.isEmpty
                guard self.send(isCut ? slice.prefix(through: self.progress.partialSequence) : slice) else { return }
                if let through, !isCut { self.passed(through) }
            case .lookAgain: work += Self.stepCost
            case .wait: return
            }
        }
        self.hub.assumeIsolated { $0.continueLater(self) }
    }

    private enum Step {
        /// Write this; after it everything up to `through` has been handled.
        case send(PageSlice, through: UInt64?)
        case lookAgain
        /// There is nothing to send, or what there is must be fetched first.
        case wait
    }

    /// What comes after the position, wherever it is: read from the log, in the pages, or in the tail.
    private func nextStep() -> Step {
        let position = RunPosition(generation: self.generation, sequence: self.progress.sequence)
        if let replay = self.replay { return .send(Self.slice(of: replay.page, after: position.sequence), through: replay.through) }
        switch self.group.run.read(after: position, maxBytes: self.hub.configuration.bytesPerTurn) {
        case .slice(let slice):
            return slice.isEmpty ? .wait : .send(slice, through: nil)
        case .evicted:
            let run = self.group.run
            guard let chunk = self.hub.assumeIsolated({ $0.tailChunk(of: run, after: position.sequence) }) else {
                self.perform(self.state.positionLeftMemory())
                return .wait
            }
            guard chunk.through > position.sequence else { return .wait }
            return .send(Self.slice(of: chunk.page, after: position.sequence), through: chunk.through)
        case .replaced(let start):
            return self.moveToNewLog(start)
        }
    }

    /// Everything up to `sequence` has been handled.
    private func passed(_ sequence: UInt64) {
        self.replay = nil
        self.progress.sequence = max(self.progress.sequence, sequence)
    }

    /// The log is another one than the one this connection was reading: that is a gap, and it is told.
    private func moveToNewLog(_ start: RunPosition) -> Step {
        guard !self.progress.isInMidEntry else {
            self.perform(self.state.entryLost())
            return .wait
        }
        self.generation = start.generation
        self.progress = DeliveryProgress(sequence: start.sequence)
        self.replay = nil
        let feed = self.hub.fanout.feed
        self.conversation?.logReplaced(position: start.sequence)
        self.tell(.unknownCursor(current: Cursor(time: feed.time, epoch: feed.epoch, sequence: start.sequence)))
        return .lookAgain
    }

    /// Puts the notice of a gap before what comes next.
    private func tell(_ gap: StreamGap) {
        self.outbox += self.group.run.form.gap(gap, time: self.hub.configuration.wallClock())
        self.hub.counters.gaps.add(1)
    }

    /// Writes a slice. Returns whether all of it went and delivery may go on.
    private func send(_ slice: PageSlice) -> Bool {
        let end = self.isFinite ? slice.finalSequence : nil
        let slice = end.map { slice.prefix(through: $0) } ?? slice
        let result =
            if let conversation = self.conversation {
                SliceWriter.write(
                    slice,
                    progress: &self.progress,
                    audience: ConversationFilter(audience: self.audience, conversation: conversation),
                    to: &self.socket
                )
            } else {
                SliceWriter.write(slice, progress: &self.progress, audience: self.audience, to: &self.socket)
            }
        self.bytes += UInt64(result.bytes)
        self.deliveries &+= UInt32(truncatingIfNeeded: result.deliveries)
        self.hub.counters.deliveries.add(result.deliveries)
        self.hub.counters.bytes.add(result.bytes)
        switch result.outcome {
        case .drained:
            guard end != nil else { return true }
            self.endRequested(.finished)
        case .blocked:
            self.becameBlocked()
        case .failed:
            self.perform(self.state.socketFailed())
        case .entryLost:
            self.perform(self.state.entryLost())
        }
        return false
    }

    /// Sends what is left of control bytes. Returns whether they are gone.
    private func flushOutbox() -> Bool {
        guard !self.outbox.isEmpty else { return true }
        guard let taken = self.socket.write(self.outbox) else {
            self.perform(self.state.socketFailed())
            return false
        }
        self.bytes += UInt64(taken)
        self.hub.counters.bytes.add(taken)
        if taken == self.outbox.count {
            self.outbox = []
            return !self.isDeaf || self.drainInbound()
        }
        self.outbox = Array(self.outbox.dropFirst(taken))[...]
        self.becameBlocked()
        return false
    }

    private func becameBlocked() {
        self.state.writeFellShort(now: self.hub.loop.now())
        self.hub.counters.blockedWrites.add(1)
    }

    /// A heartbeat carries the feed's place, so that a quiet client keeps a fresh cursor; only a connection that has
    /// everything up to there may send it.
    private func sendHeartbeat() {
        let feed = self.hub.fanout.feed
        self.deliver()
        let end = self.group.run.end
        guard self.state.phase == .following(.writable), self.outbox.isEmpty, !self.progress.isInMidEntry, self.replay == nil,
            end.generation == self.generation, feed.position.generation == self.generation, self.progress.sequence >= end.sequence
        else { return }
        // A client may have brought a cursor from an edge whose feed is ahead of this one's: never send it back.
        let place = max(feed.position.sequence, self.progress.sequence)
        let cursor = Cursor(time: feed.time, epoch: feed.epoch, sequence: place)
        let form = self.group.run.form
        let heartbeat = self.hub.assumeIsolated { $0.heartbeat(form, cursor: cursor) }
        guard !heartbeat.isEmpty else { return }
        self.outbox = heartbeat[...]
        _ = self.flushOutbox()
        self.hub.counters.heartbeats.add(1)
    }

    private func sayFarewell(_ reason: EndReason) {
        self.endReason = reason
        self.reader?.cancel()
        // Control bytes still waiting would be cut by these: then the farewell is left out.
        if self.outbox.isEmpty { _ = self.socket.write(self.farewell(reason)[...]) }
        // A WebSocket is closed by the peer's answer; where none is due, the end of the bytes is the last word.
        if self.inbound == nil || reason.isAnswer { self.socket.finishSending() }
        self.hub.assumeIsolated { $0.linger(self) }
    }

    private func farewell(_ reason: EndReason) -> [UInt8] {
        switch reason {
        case .finished: []
        case .stream(let reason): self.group.run.form.farewell(reason, retry: reason == .draining ? self.hub.jitteredRetry() : nil)
        case .webSocket(let code, let words): WebSocketFrame.close(code, reason: words)
        case .answeringClose(let code?): WebSocketFrame.close(code, reason: "")
        case .answeringClose(nil): WebSocketFrame.control(.close, [])
        }
    }

    private func close(_ cause: CloseCause) {
        self.reader?.cancel()
        self.replay = nil
        self.outbox = []
        self.changes = []
        self.conversation?.ended()
        self.hub.loop.deregister(self.socket.descriptor)
        self.socket.closeDescriptor()
        self.hub.assumeIsolated { $0.closed(self, cause: cause) }
        self.report(cause)
    }

    /// One line a connection's life; written off the loop, because a log may be slow.
    private func report(_ cause: CloseCause) {
        let seconds = Double(self.hub.loop.now().nanoseconds - self.openedAt.nanoseconds) / 1e9
        var metadata: Logger.Metadata = [
            "tenant": "\(self.tenant.name)", "user": "\(self.audience.user)", "cause": "\(cause)",
            "deliveries": "\(self.deliveries)", "bytes": "\(self.bytes)", "seconds": "\(seconds)", "request.id": "\(self.requestID)",
        ]
        if let traceID = self.traceID { metadata[TraceParent.logKey] = "\(traceID)" }
        let logger = self.hub.logger
        Task { [metadata] in logger.info("connection ended", metadata: metadata) }
    }

    // MARK: What comes in

    /// Reads what came in. Returns whether the connection is still there.
    private func drainInbound() -> Bool {
        let inbound = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer -> Socket.Inbound in
            while true {
                // A client that does not read its answers is not listened to until it does.
                self.isDeaf = self.outbox.count > Self.outboxLimit
                if self.isDeaf { return .nothing }
                let inbound = self.socket.read(into: buffer)
                guard case .bytes(let count) = inbound else { return inbound }
                self.received(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                if self.state.phase == .closed || count < buffer.count { return inbound }
            }
        }
        switch inbound {
        case .bytes, .nothing: return self.state.phase != .closed
        case .closed: self.perform(self.state.peerClosed())
        case .failed: self.perform(self.state.socketFailed())
        }
        return false
    }

    /// Bytes came in, with the handshake or after it.
    func received(_ bytes: UnsafeRawBufferPointer) {
        guard let inbound = self.inbound else { return }
        for reaction in inbound.received(bytes, now: self.hub.loop.now()) {
            switch reaction {
            case .send(let answer):
                self.outbox += answer
                self.perform(self.state.entriesPublished())
            case .pass(let text):
                guard let conversation = self.conversation, self.state.isOpen else { continue }
                self.perform(conversation.received(text, position: self.progress.sequence))
            case .end(let reason) where reason.isAnswer && self.state.phase == .closing:
                self.perform(self.state.peerClosed())
            case .end(let reason):
                self.endRequested(reason)
            }
        }
    }

    // MARK: What the conversation wants

    /// The conversation was posted something.
    func notesArrived() {
        guard let conversation = self.conversation, let link = self.link else { return }
        for note in link.takeNotes() where self.state.isOpen {
            self.perform(conversation.noted(note, position: self.progress.sequence))
        }
    }

    /// Does what the conversation wants, in order.
    private func perform(_ steps: [ConversationStep]) {
        for step in steps {
            switch step {
            case .send(let text): WebSocketFrame.appendText(text, to: &self.outbox)
            case .write(let form): self.changes.append(.form(form))
            case .resume(let key, let cursor): self.find(cursor, for: key)
            case .end(let reason): return self.endRequested(reason)
            }
        }
        if self.outbox.count > Self.outboxCeiling {
            return self.endRequested(.webSocket(.policyViolation, reason: "answers are not read"))
        }
        self.perform(self.state.entriesPublished())
    }

    /// Looks a cursor up; the log itself may have to be asked.
    private func find(_ cursor: String, for key: String) {
        let hub = self.hub
        Task { [weak self] in
            let generation = hub.fanout.feed.position.generation
            do throws(EventLogError) {
                let start = try await hub.history.start(for: cursor, fanout: hub.fanout)
                await self?.found(.resume(key, start, generation: generation))
            } catch {
                hub.logger.warning("a cursor cannot be looked up, and its connection ends", metadata: ["error": "\(error)"])
                await self?.endRequested(.stream(.unavailable))
            }
        }
    }

    private func found(_ change: StreamChange) {
        guard self.state.isOpen else { return }
        self.changes.append(change)
        self.perform(self.state.entriesPublished())
    }

    /// Between two entries.
    private func apply(_ change: StreamChange) {
        switch change {
        case .form(let form):
            let group = self.group
            self.group = self.hub.assumeIsolated { $0.move(self, from: group, to: form) }
        case .resume(let key, let start, let generation):
            let place = self.place(of: generation == self.generation ? start : .unknownCursor)
            guard let conversation = self.conversation else { return }
            self.progress.sequence = conversation.resumed(key, after: place, position: self.progress.sequence)
            self.replay = nil
        }
    }

    /// The sequence that a cursor of the conversation stands for; tells the gap if there is one.
    private func place(of start: StreamStart) -> UInt64 {
        self.hub.counters.resumed(start)
        switch start {
        case .live: return self.progress.sequence
        case .after(let cursor): return cursor.sequence
        case .expired(let first):
            let gap = StreamGap.expired(missedBefore: first)
            self.tell(gap)
            return gap.resumptionCursor.sequence
        case .unknownCursor:
            let feed = self.hub.fanout.feed
            self.tell(.unknownCursor(current: Cursor(time: feed.time, epoch: feed.epoch, sequence: self.progress.sequence)))
            return self.progress.sequence
        }
    }

    // MARK: Reading the log

    private func readLog() {
        let position = self.progress.sequence
        let generation = self.generation
        let history = self.hub.history
        let tenant = self.group.run.tenant
        let execution = self.group.run.form.execution
        self.hub.counters.logReads.add(1)
        self.reader = Task { [weak self] in
            let chunk = await history.read(tenant: tenant, execution: execution, after: position)
            await self?.logRead(chunk, after: position, generation: generation)
        }
    }

    private func logRead(_ chunk: History.Chunk, after position: UInt64, generation: UInt32) {
        self.reader = nil
        guard self.state.isOpen else { return }
        // The conversation has gone back in the meantime: what was read is of another place.
        guard generation != self.generation || position == self.progress.sequence else { return self.perform(self.state.logRead()) }
        switch chunk {
        case .entries(let entries, let through):
            if generation == self.generation {
                self.replay = (self.hub.page(of: entries, form: self.group.run.form), through)
            }
            self.perform(self.state.logRead())
        case .expired(let missedBefore):
            // What it stood before was thrown away while it lagged: told, then on with what is kept.
            guard !self.progress.isInMidEntry else { return self.perform(self.state.entryLost()) }
            let gap = StreamGap.expired(missedBefore: missedBefore)
            self.progress = DeliveryProgress(sequence: gap.resumptionCursor.sequence)
            self.tell(gap)
            self.perform(self.state.logRead())
        case .unavailable:
            self.hub.logger.warning("the log cannot be read, and a connection ends that has to be served from it")
            self.perform(self.state.logUnavailable())
        }
    }

    private static func slice(of page: Page, after sequence: UInt64) -> PageSlice {
        let first = page.firstEntry(after: sequence, in: 0..<page.entryCount)
        guard first < page.entryCount else { return PageSlice(segments: []) }
        return PageSlice(segments: [PageSegment(page: page, entries: first..<page.entryCount)])
    }
}
