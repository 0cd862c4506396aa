import Basics
import EventLog
import EventModel
import Logging

extension Conversation {
    /// Attaches the link, if there is one: notes are delivered on the loop of `connection` from here on.
    func attach(to connection: EdgeConnection) { self.link?.attach(connection) }
}

/// Runs the conversation's steps.
extension EdgeConnection {
    /// Passes a text to the conversation.
    func pass(_ text: [UInt8], to conversation: some Conversation) {
        let client = ConversationClient(
            tenant: self.tenant,
            user: self.audience.user,
            position: self.progress.sequence,
            end: self.liveEnd
        )
        let steps = conversation.received(text, from: client, now: self.hub.loop.now())
        conversation.attach(to: self)
        self.enqueue(steps)
    }

    /// Passes new notes to the conversation.
    func notesArrived() {
        guard let conversation = self.conversation else { return }
        self.passNotes(to: conversation)
        self.deliverUnlessInTurn()
    }

    /// Opens the existential: only here does the type of the notes matter.
    private func passNotes(to conversation: some Conversation) {
        for note in conversation.link?.takeNotes() ?? [] where self.state.isOpen {
            self.enqueue(conversation.noted(note, position: self.progress.sequence))
        }
        // An answer that a batch holds is no step, and counts as unsent all the same.
        if self.state.isOpen { self.watchUnsent() }
    }

    /// Performs the conversation's steps in order. Messages are queued for the next delivery.
    func enqueue(_ steps: [ConversationStep]) {
        guard self.state.isOpen, !steps.isEmpty else { return }
        for step in steps where self.state.isOpen {
            switch step {
            case .send(let text): self.outbox.append(WebSocketFrame.header(.text, length: text.count), text)
            case .write(let encoder): self.changes.append(.encoder(encoder))
            case .resume(let key, let cursor): self.find(cursor, for: key)
            case .authenticate(let request, let token): self.authenticate(token, for: request)
            }
        }
        self.watchUnsent()
    }

    /// Ends the connection if its unsent answers show that the client reads too slowly.
    private func watchUnsent() {
        guard self.budgetUnsent() else { return self.endRequested(.stalled) }
        guard self.outbox.count > Outbox.toleratedBytes, self.state.isOpen else { return }
        // Write first what the socket takes at once.
        self.perform(self.state.entriesPublished())
        guard self.outbox.count > Outbox.toleratedBytes, self.state.isOpen else { return }
        let isTooMuch = self.outbox.count > self.hub.configuration.maxUnsentBytes
        if isTooMuch || self.isReadTooSlowly(now: self.hub.loop.now()) { self.endRequested(.stalled) }
    }

    /// Resolves a cursor. It may take a read of the log, so a connection resolves one at a time, and the same cursor once for all its keys.
    private func find(_ cursor: String, for key: String) {
        if let index = self.sought.firstIndex(where: { $0.cursor == cursor }) { return self.sought[index].keys.append(key) }
        self.sought.append((cursor, [key]))
        if self.sought.count == 1 { self.findNext() }
    }

    private func findNext() {
        guard let cursor = self.sought.first?.cursor else { return }
        let hub = self.hub
        let tenant = self.tenant
        Task { [weak self] in
            let generation = hub.fanout.feed.position.generation
            do throws(EventLogError) {
                let start = try await hub.history.start(for: cursor, tenant: tenant, fanout: hub.fanout)
                await self?.found(start, generation: generation)
            } catch {
                hub.logger.warning("a cursor cannot be looked up, and its connection ends", metadata: [LogKey.error: "\(error)"])
                await self?.endRequested(.unavailable)
            }
        }
    }

    /// Records the resolved cursor, and starts the next lookup.
    private func found(_ start: StreamStart, generation: UInt32) {
        guard self.state.isOpen else { return }
        self.changes += self.sought.removeFirst().keys.map { .resume($0, start, generation: generation) }
        self.findNext()
        // A client can ask for the past again and again: each time costs it a turn.
        self.performInTurn(self.state.entriesPublished())
    }

    /// Applies a change between two entries.
    func apply(_ change: StreamChange) {
        switch change {
        case .encoder(let encoder):
            let group = self.group
            self.group = self.hub.assumeIsolated { $0.move(self, from: group, to: encoder) }
            // It is in the former encoding.
            self.replay = nil
        case .resume(let key, let start, let generation):
            let isOfThisLog = min(generation, self.generation) >= self.hub.fanout.feed.replacedAt
            let place = self.place(of: isOfThisLog ? start : .unknownCursor)
            guard let conversation = self.conversation else { return }
            self.progress.sequence = conversation.resumed(
                key,
                after: place,
                position: self.progress.sequence,
                end: self.liveEnd
            )
            self.replay = nil
        }
    }

    /// The log's end as the connection knows the log: what comes behind it is live. Its own position before it has heard of another log.
    var liveEnd: UInt64 {
        let feed = self.hub.fanout.feed.position
        return feed.generation == self.generation ? max(feed.sequence, self.progress.sequence) : self.progress.sequence
    }

    /// Returns the sequence of a resolved cursor; sends the gap if there is one.
    private func place(of start: StreamStart) -> UInt64 {
        self.hub.counters.resumed(start)
        switch start {
        case .live: return self.liveEnd
        case .after(let cursor): return cursor.sequence
        case .expired(let first):
            let gap = StreamGap.expired(missedBefore: first)
            self.tell(gap)
            return gap.resumptionCursor.sequence
        case .unknownCursor, .unknownCursorGoingOn:
            // Live from here on. The id is that of the connection's position: what other subscriptions wait for lies behind it.
            let sequence = self.progress.sequence
            self.tell(.unknownCursor(current: self.hub.assumeIsolated { $0.cursor(at: sequence) }))
            return self.liveEnd
        }
    }
}
