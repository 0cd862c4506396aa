import Basics

/// The state machine of an accepted stream, as a value: takes events, returns actions. It has no socket and no clock.
///
/// `attaching → following (writable | blocked) ⇄ reading (the log) → ending → closing → closed`
///
/// Live, catching up and lagging are all `following`: they differ only in the distance of the connection's position from the
/// end. Design: "Laggards". An ending connection finishes the entry or message in progress, then sends the farewell (contract §6: a close
/// always arrives).
struct ConnectionState: Sendable, Equatable {
    /// Whether the socket takes bytes.
    enum Flow: Sendable, Equatable {
        case writable
        case blocked(since: MonotonicInstant)
    }

    enum Phase: Sendable, Equatable {
        /// Adopted, nothing sent yet.
        case attaching
        /// Served from memory.
        case following(Flow)
        /// Its position has left the memory; a read of the log is in flight.
        case reading(Flow)
        /// The farewell is queued behind the entry in progress; no other entry is sent. The rest of that entry may have to be read from the
        /// log.
        case ending(Flow, isReading: Bool)
        /// The farewell is sent; waits a limited time for the peer to read it and close.
        case closing
        case closed
    }

    // The action that the driver is to perform. Each input has an enum with only the actions that can follow from it.

    enum DeliveryAction: Sendable, Equatable {
        case none
        /// Write from the position on; in the phase `ending` only the entry in progress and the queue, then report ``farewellSent()``.
        case deliver
    }

    enum ReadingAction: Sendable, Equatable {
        case none
        /// Read the log after the position, then report ``logRead()`` or ``logUnavailable(inMidEntry:)``.
        case readLog
    }

    enum HeartbeatAction: Sendable, Equatable {
        case none
        case sendHeartbeat
        /// As ``EndAction/sayFarewell(_:)``.
        case sayFarewell(Ending)
    }

    enum EndAction: Sendable, Equatable {
        case none
        /// Queue the farewell, write, and report ``lingerElapsed()`` after the linger time.
        case sayFarewell(Ending)
    }

    enum UnavailableAction: Sendable, Equatable {
        case none
        /// As ``EndAction/sayFarewell(_:)``.
        case sayFarewell(Ending)
        /// Close the descriptor.
        case close(Ending)
    }

    enum FarewellSentAction: Sendable, Equatable {
        case none
        /// The kernel has the farewell: report ``lingerElapsed()`` after the linger time.
        case awaitPeer(Ending)
    }

    enum LingerAction: Sendable, Equatable {
        case none
        /// The queue was not sent in time: drop it, queue the farewell alone, write, and report ``lingerElapsed()`` after the linger time.
        case cutToFarewell(Ending)
        /// Close the descriptor.
        case close(Ending)
    }

    enum CloseAction: Sendable, Equatable {
        case none
        /// Close the descriptor.
        case close(Ending)
    }

    /// The end of the connection; boxed, because an open one has none.
    private indirect enum Farewell: Sendable, Equatable {
        case none
        /// - ending: why the farewell was sent. It is the reported ending, whichever side closes first afterwards.
        /// - isCut: whether only the farewell is left to be sent, so that the next linger is the last.
        case said(_ ending: Ending, isCut: Bool)

        var ending: Ending? { if case .said(let ending, _) = self { ending } else { nil } }
    }

    // `phase` last: Swift places the owner's next fields in its tail padding.
    private var farewell = Farewell.none
    private(set) var phase: Phase = .attaching

    /// Whether the connection receives events.
    var isOpen: Bool {
        switch self.phase {
        case .attaching, .following, .reading: true
        case .ending, .closing, .closed: false
        }
    }

    /// Whether the farewell is being sent.
    var isEnding: Bool {
        if case .ending = self.phase { true } else { false }
    }

    /// Whether the socket is full.
    var isBlocked: Bool {
        switch self.phase {
        case .following(.blocked), .reading(.blocked), .ending(.blocked, _): true
        case .attaching, .following(.writable), .reading(.writable), .ending(.writable, _), .closing, .closed: false
        }
    }

    /// The hub has added the connection to its group.
    mutating func attached() -> DeliveryAction {
        guard case .attaching = self.phase else { preconditionFailure("a connection is attached once") }
        self.phase = .following(.writable)
        return .deliver
    }

    /// The chain has new entries, or the outbox new messages.
    func entriesPublished() -> DeliveryAction {
        switch self.phase {
        case .following(.writable): .deliver
        case .attaching, .following(.blocked), .reading, .ending, .closing, .closed: .none
        }
    }

    /// The next round has begun after a turn that used up its budget.
    func turnCame() -> DeliveryAction {
        switch self.phase {
        case .following(.writable), .ending(.writable, isReading: false): .deliver
        case .attaching, .following(.blocked), .reading, .ending, .closing, .closed: .none
        }
    }

    /// The socket is full: it took less than was offered.
    mutating func writeFellShort(now: MonotonicInstant) {
        switch self.phase {
        case .following(.writable): self.phase = .following(.blocked(since: now))
        case .reading(.writable): self.phase = .reading(.blocked(since: now))
        case .ending(.writable, let isReading): self.phase = .ending(.blocked(since: now), isReading: isReading)
        case .attaching, .following(.blocked), .reading(.blocked), .ending(.blocked, _), .closing, .closed: break
        }
    }

    /// The socket is writable again.
    mutating func becameWritable() -> DeliveryAction {
        switch self.phase {
        case .following(.blocked):
            self.phase = .following(.writable)
            return .deliver
        case .reading(.blocked):
            self.phase = .reading(.writable)
            return .none
        case .ending(.blocked, let isReading):
            self.phase = .ending(.writable, isReading: isReading)
            return isReading ? .none : .deliver
        case .attaching, .following(.writable), .reading(.writable), .ending(.writable, _), .closing, .closed:
            return .none
        }
    }

    /// The position is neither in the pages nor in the tail.
    mutating func positionLeftMemory() -> ReadingAction {
        switch self.phase {
        case .following(let flow):
            self.phase = .reading(flow)
            return .readLog
        case .ending(let flow, isReading: false):
            self.phase = .ending(flow, isReading: true)
            return .readLog
        case .attaching, .reading, .ending, .closing, .closed:
            return .none
        }
    }

    /// The read of the log has finished.
    mutating func logRead() -> DeliveryAction {
        switch self.phase {
        case .reading(.writable):
            self.phase = .following(.writable)
            return .deliver
        case .reading(.blocked(let since)):
            self.phase = .following(.blocked(since: since))
            return .none
        case .ending(let flow, isReading: true):
            self.phase = .ending(flow, isReading: false)
            return flow == .writable ? .deliver : .none
        case .attaching, .following, .ending, .closing, .closed:
            return .none
        }
    }

    /// The read of the log has failed. In the middle of an entry nothing can follow: the connection closes without a farewell.
    mutating func logUnavailable(inMidEntry: Bool) -> UnavailableAction {
        if inMidEntry {
            guard let cause = self.finish(for: .unavailable) else { return .none }
            return .close(cause)
        }
        return self.beginEnding(for: .unavailable) ? .sayFarewell(.unavailable) : .none
    }

    /// A heartbeat is due. A blocked socket gets none; a connection blocked for longer than `stallTimeout` ends.
    mutating func heartbeatDue(now: MonotonicInstant, stallTimeout: Duration) -> HeartbeatAction {
        switch self.phase {
        case .following(.writable):
            return .sendHeartbeat
        case .following(.blocked(let since)), .reading(.blocked(let since)):
            guard since.advanced(by: stallTimeout) <= now else { return .none }
            return self.beginEnding(for: .stalled) ? .sayFarewell(.stalled) : .none
        case .attaching, .reading(.writable), .ending, .closing, .closed:
            return .none
        }
    }

    /// The edge ends the connection.
    mutating func endRequested(_ ending: Ending) -> EndAction { self.beginEnding(for: ending) ? .sayFarewell(ending) : .none }

    /// Enters the phase `ending`, unless the connection is ending or closed already. Returns whether it did.
    private mutating func beginEnding(for ending: Ending) -> Bool {
        switch self.phase {
        case .attaching: self.phase = .ending(.writable, isReading: false)
        case .following(let flow): self.phase = .ending(flow, isReading: false)
        case .reading(let flow): self.phase = .ending(flow, isReading: true)
        case .ending, .closing, .closed: return false
        }
        self.farewell = .said(ending, isCut: ending.dropsQueue)
        return true
    }

    /// The read of the log was cancelled: the farewell does not wait for it.
    mutating func readingCancelled() {
        if case .ending(let flow, isReading: true) = self.phase { self.phase = .ending(flow, isReading: false) }
    }

    /// The kernel has the farewell.
    mutating func farewellSent() -> FarewellSentAction {
        guard case .ending = self.phase, let farewell = self.farewell.ending else { return .none }
        self.phase = .closing
        return .awaitPeer(farewell)
    }

    /// No farewell is sent, because the peer does not read.
    mutating func farewellOmitted() -> CloseAction {
        guard case .ending = self.phase, let farewell = self.farewell.ending else { return .none }
        return self.close(farewell)
    }

    /// The peer has acknowledged nothing for longer than the peer timeout.
    mutating func peerFellSilent() -> CloseAction { self.close(.peerGone) }

    /// The peer has closed or reset the connection.
    mutating func peerClosed() -> CloseAction { self.close(.peerClosed) }

    /// The socket reported an error.
    mutating func socketFailed() -> CloseAction { self.close(.socketFailed) }

    /// The rest of the entry in progress is no longer in the log.
    mutating func entryLost() -> CloseAction { self.close(.entryLost) }

    /// The linger time has passed.
    mutating func lingerElapsed() -> LingerAction {
        guard case .said(let farewell, let isCut) = self.farewell else { return .none }
        if case .ending = self.phase, !isCut {
            self.farewell = .said(farewell, isCut: true)
            return .cutToFarewell(farewell)
        }
        guard let cause = self.finish(for: farewell) else { return .none }
        return .close(cause)
    }

    private mutating func close(_ ending: Ending) -> CloseAction {
        guard let cause = self.finish(for: ending) else { return .none }
        return .close(cause)
    }

    /// Closes. Returns why the connection ended; nil if it was closed already.
    private mutating func finish(for ending: Ending) -> Ending? {
        if case .closed = self.phase { return nil }
        self.phase = .closed
        return self.farewell.ending ?? ending
    }
}
