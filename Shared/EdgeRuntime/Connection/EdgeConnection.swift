import Basics
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
    var group: LoopGroup
    var socket: Socket
    var state = ConnectionState()
    let audience: Audience
    private let requestID: String
    private let traceID: String?
    let inbound: (any InboundHandler)?
    let conversation: (any Conversation)?
    /// There is one with a conversation only.
    let link: ConversationLink?
    /// Cursors of the conversation that have been found, and other changes that must not happen in the middle of an entry.
    var changes: [StreamChange] = []
    private let openedAt: MonotonicInstant
    /// Whether what it reads ends one day.
    let isFinite: Bool

    var generation: UInt32
    var progress: DeliveryProgress
    /// Control bytes that did not fit; go first, never in the middle of an entry.
    var outbox: ArraySlice<UInt8> = []
    /// A chunk read from the log, and how far it makes the connection complete.
    var replay: (page: Page, through: UInt64)?
    /// What is left of an entry that was begun when the socket became full, so that it can be finished whatever the log forgets meanwhile. Empty
    /// between entries, and for one of which more is left than ``restLimit``.
    var rest: ArraySlice<UInt8> = []
    var reader: Task<Void, Never>?
    var deliveries: UInt32 = 0
    var bytes: UInt64 = 0
    /// Whether reading is put off because answers pile up.
    var isDeaf = false

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
    func lingerElapsed() { self.perform(self.state.lingerElapsed()) }

    // MARK: Actions

    func perform(_ action: ConnectionState.Action) {
        switch action {
        case .none: break
        case .deliver: self.deliver()
        case .readLog: self.readLog()
        case .sendHeartbeat: self.sendHeartbeat()
        case .sayFarewell(let reason): self.sayFarewell(reason)
        case .close(let cause): self.close(cause)
        }
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
        let cursor =
            if self.progress.sequence > feed.position.sequence {
                self.hub.tail.cursor(at: self.progress.sequence, epoch: feed.epoch)
            } else {
                feed.cursor
            }
        let form = self.group.run.form
        let heartbeat = self.hub.assumeIsolated { $0.heartbeat(form, cursor: cursor) }
        guard !heartbeat.isEmpty else { return }
        self.outbox = heartbeat[...]
        _ = self.flushOutbox()
        self.hub.counters.heartbeats.add(1)
    }

    private func sayFarewell(_ reason: EndReason) {
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
        self.rest = []
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
            "tenant": "\(self.tenant)", "user": "\(self.audience.user?.text ?? "")", "cause": "\(cause)",
            "deliveries": "\(self.deliveries)", "bytes": "\(self.bytes)", "seconds": "\(seconds)", "request.id": "\(self.requestID)",
        ]
        if let traceID = self.traceID { metadata[TraceParent.logKey] = "\(traceID)" }
        let logger = self.hub.logger
        Task { [metadata] in logger.info("connection ended", metadata: metadata) }
    }
}
