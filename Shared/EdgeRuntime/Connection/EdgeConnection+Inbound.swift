import Glibc

/// What comes in.
extension EdgeConnection {
    /// With this much waiting to be written, in bytes, reading is put off.
    static let outboxLimit = 64 * 1024

    /// Reads what came in. Returns whether the connection is still there.
    func drainInbound() -> Bool {
        let inbound = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer -> Socket.Inbound in
            while true {
                // A client that does not read its answers is not listened to until it does.
                let wasDeaf = self.isDeaf
                self.isDeaf = self.state.isOpen && self.outbox.count > Self.outboxLimit
                if self.isDeaf { return .nothing }
                if wasDeaf { self.inbound?.listensAgain(now: self.hub.loop.now()) }
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
                guard self.state.isOpen else { continue }
                self.outbox.append(answer)
                self.perform(self.state.entriesPublished())
            case .pass(let text):
                guard let conversation = self.conversation, self.state.isOpen else { continue }
                self.perform(conversation.received(text, position: self.progress.sequence))
            case .end(let ending):
                if ending.kind == .peerClosed { self.hasPeerClosed = true }
                if self.hasPeerClosed, self.state.phase == .closing { return self.perform(self.state.peerClosed()) }
                self.endRequested(ending)
            }
        }
    }
}
