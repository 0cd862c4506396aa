import Basics
import EventLog
import EventModel
import Logging

extension Conversation {
    /// From here on what is posted to its link reaches it, on the loop of `connection`.
    func attach(to connection: EdgeConnection) { self.link.attach(connection) }
}

/// What the conversation wants.
extension EdgeConnection {
    /// The conversation was posted something.
    func notesArrived() {
        guard let conversation = self.conversation else { return }
        self.passNotes(to: conversation)
        self.perform(self.state.entriesPublished())
    }

    /// Only here the type of the notes matters to a connection.
    private func passNotes(to conversation: some Conversation) {
        for note in conversation.link.takeNotes() where self.state.isOpen {
            self.enqueue(conversation.noted(note, position: self.progress.sequence))
        }
    }

    /// Does what the conversation wants, in order. What is to be sent is queued for the next delivery.
    func enqueue(_ steps: [ConversationStep]) {
        guard self.state.isOpen, !steps.isEmpty else { return }
        for step in steps {
            switch step {
            case .send(let text): self.outbox.append(WebSocketFrame.header(.text, length: text.count), text)
            case .write(let encoder): self.changes.append(.encoder(encoder))
            case .resume(let key, let cursor): self.find(cursor, for: key)
            }
        }
        self.watchUnsent()
    }

    /// Ends the connection if what waits for its client shows that it reads too slowly.
    private func watchUnsent() {
        guard self.budgetUnsent() else { return self.endRequested(.stalled) }
        guard self.outbox.count > Outbox.toleratedBytes, self.state.isOpen else { return }
        // First what the socket takes at once.
        self.perform(self.state.entriesPublished())
        guard self.outbox.count > Outbox.toleratedBytes, self.state.isOpen else { return }
        let isTooMuch = self.outbox.count > self.hub.configuration.maxUnsentBytes
        if isTooMuch || self.isReadTooSlowly(now: self.hub.loop.now()) { self.endRequested(.stalled) }
    }

    /// Has a cursor looked up. The log itself may have to be asked, so a connection has one looked up at a time, and one that is named several times
    /// once.
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

    /// The cursor is found that was looked up.
    private func found(_ start: StreamStart, generation: UInt32) {
        guard self.state.isOpen else { return }
        self.changes += self.sought.removeFirst().keys.map { .resume($0, start, generation: generation) }
        self.findNext()
        self.perform(self.state.entriesPublished())
    }

    /// Between two entries.
    func apply(_ change: StreamChange) {
        switch change {
        case .encoder(let encoder):
            let group = self.group
            self.group = self.hub.assumeIsolated { $0.move(self, from: group, to: encoder) }
        case .resume(let key, let start, let generation):
            let isOfThisLog = min(generation, self.generation) >= self.hub.fanout.feed.replacedAt
            let place = self.place(of: isOfThisLog ? start : .unknownCursor)
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
        case .unknownCursor, .unknownCursorGoingOn:
            let sequence = self.progress.sequence
            self.tell(.unknownCursor(current: self.hub.assumeIsolated { $0.cursor(at: sequence) }))
            return sequence
        }
    }
}
