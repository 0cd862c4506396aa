import Glibc

/// What comes in: read in turns, so that no client's input holds up the others of its loop (``InputBudget``).
extension EdgeConnection {
    /// With this much waiting to be written, in bytes, reading is put off.
    static let outboxLimit = 64 * 1024
    /// How much is still taken apart of what comes in after the connection has begun to end: the peer's close frame is looked for, and no more.
    private static let decodedWhileEnding = 4 * 1024
    /// How much is still read and dropped then: unread, it would make the kernel reset the connection before the last words are read.
    private static let readWhileEnding = 1024 * 1024

    /// How an input turn went.
    struct InputTurn {
        /// What it cost of an ``InputBudget``.
        var cost: Int
        /// Whether there may be more to read at once.
        var hasMore: Bool
    }

    /// Reads what came in, for one turn. The loop's hub calls it.
    func takeInputTurn() -> InputTurn {
        var budget = InputBudget()
        let outcome = self.readInput(&budget)
        // What was answered leaves together.
        self.perform(self.state.entriesPublished())
        switch outcome {
        case .spent: break
        case .nothing, .deaf: return InputTurn(cost: InputBudget.turn - budget.left, hasMore: false)
        case .closed: self.perform(self.state.peerClosed())
        case .failed: self.perform(self.state.socketFailed())
        }
        return InputTurn(cost: InputBudget.turn - budget.left, hasMore: self.state.phase != .closed)
    }

    private enum InputOutcome {
        /// The turn is over; there may be more.
        case spent
        /// The socket has no more.
        case nothing
        /// The client does not read its answers, and is not listened to until it does.
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
                guard self.unread.isEmpty else {
                    let unread = self.unread
                    self.unread = []
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

    /// Takes bytes in; what the budget does not reach is kept for the next turn.
    private func take(_ bytes: UnsafeRawBufferPointer, _ budget: inout InputBudget) {
        let isDecoded = self.state.isOpen || self.readAfterEnd < Self.decodedWhileEnding
        if !self.state.isOpen { self.readAfterEnd += bytes.count }
        guard let inbound = self.inbound, isDecoded else { return budget.spend(bytes.count) }
        let (taken, reactions) = inbound.received(bytes, now: self.hub.loop.now(), budget: &budget)
        for reaction in reactions { self.react(to: reaction) }
        if taken < bytes.count, self.state.phase != .closed { self.unread = Array(bytes[taken...]) }
    }

    private func react(to reaction: InboundReaction) {
        switch reaction {
        case .send(let answer):
            if self.state.isOpen { self.outbox.append(answer) }
        case .pass(let text):
            guard let conversation = self.conversation, self.state.isOpen else { return }
            self.enqueue(conversation.received(text, position: self.progress.sequence, now: self.hub.loop.now()))
        case .end(let ending):
            if ending.kind == .peerClosed { self.hasPeerClosed = true }
            if self.hasPeerClosed, self.state.phase == .closing { return self.perform(self.state.peerClosed()) }
            self.endRequested(ending)
        }
    }
}
