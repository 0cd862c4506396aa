import Basics

/// The life of an accepted stream as a value: facts go in, what is to be done comes out. It knows no socket and no clock.
///
/// `attaching → following (writable | blocked) ⇄ reading (the log) → ending → closing → closed`
///
/// Live, catching up and lagging are all `following`: they differ only in how far the connection's position is from the
/// end. Design: "Laggards". A connection that is to end finishes what it has begun to send and then says why (contract §6: a close always arrives).
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
        /// Its position has left the memory; the log is being read for it.
        case reading(Flow)
        /// The last words are queued behind what was begun; nothing else is taken in. The rest of an entry may have to be read from the log.
        case ending(Flow, isReading: Bool)
        /// The last words are sent; the peer is given a moment to take them and close.
        case closing
        case closed
    }

    // What the driver is to do about a fact. Each kind of fact has an enum with what may follow from it, and no more.

    enum DeliveryAction: Sendable, Equatable {
        case none
        /// Write from the position on; in the phase `ending` only what was begun and what is queued, then report ``farewellSent()``.
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
        /// Queue the last words, write, and report ``lingerElapsed()`` in a while.
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
        /// The last words are with the kernel: report ``lingerElapsed()`` in a while.
        case awaitPeer(Ending)
    }

    enum LingerAction: Sendable, Equatable {
        case none
        /// The queue was not taken in time: drop it, queue the last words alone, write, and report ``lingerElapsed()`` in a while.
        case cutToFarewell(Ending)
        /// Close the descriptor.
        case close(Ending)
    }

    enum CloseAction: Sendable, Equatable {
        case none
        /// Close the descriptor.
        case close(Ending)
    }

    private(set) var phase: Phase = .attaching
    /// Why the last words are said. Whoever closes first after them, that is why the connection ended.
    private var farewell: Ending?
    /// Whether nothing but the last words is left to be sent, so that the next linger is the last.
    private var isCut = false

    /// Whether the connection is one that events are delivered to.
    var isOpen: Bool {
        switch self.phase {
        case .attaching, .following, .reading: true
        case .ending, .closing, .closed: false
        }
    }

    /// Whether the last words are being sent.
    var isEnding: Bool {
        if case .ending = self.phase { true } else { false }
    }

    /// Whether the socket takes no more at the moment.
    var isBlocked: Bool {
        switch self.phase {
        case .following(.blocked), .reading(.blocked), .ending(.blocked, _): true
        case .attaching, .following(.writable), .reading(.writable), .ending(.writable, _), .closing, .closed: false
        }
    }

    /// The hub has taken the connection in.
    mutating func attached() -> DeliveryAction {
        guard case .attaching = self.phase else { preconditionFailure("a connection is attached once") }
        self.phase = .following(.writable)
        return .deliver
    }

    /// Something was appended that the connection may have to send.
    func entriesPublished() -> DeliveryAction {
        switch self.phase {
        case .following(.writable): .deliver
        case .attaching, .following(.blocked), .reading, .ending, .closing, .closed: .none
        }
    }

    /// A turn's budget was used up in the last round.
    func turnCame() -> DeliveryAction {
        switch self.phase {
        case .following(.writable), .ending(.writable, isReading: false): .deliver
        case .attaching, .following(.blocked), .reading, .ending, .closing, .closed: .none
        }
    }

    /// The socket took less than was offered.
    mutating func writeFellShort(now: MonotonicInstant) {
        switch self.phase {
        case .following(.writable): self.phase = .following(.blocked(since: now))
        case .reading(.writable): self.phase = .reading(.blocked(since: now))
        case .ending(.writable, let isReading): self.phase = .ending(.blocked(since: now), isReading: isReading)
        case .attaching, .following(.blocked), .reading(.blocked), .ending(.blocked, _), .closing, .closed: break
        }
    }

    /// The socket takes bytes again.
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

    /// What was asked of the log is here.
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

    /// The log could not be read. Behind a part of an entry whose rest is out of reach nothing can be said.
    mutating func logUnavailable(inMidEntry: Bool) -> UnavailableAction {
        if inMidEntry {
            guard let cause = self.finish(for: .unavailable) else { return .none }
            return .close(cause)
        }
        return self.beginEnding(for: .unavailable) ? .sayFarewell(.unavailable) : .none
    }

    /// A sign of life is due. A blocked socket needs none; a connection that has been blocked for too long is to end.
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

    /// The edge wants the connection to end.
    mutating func endRequested(_ ending: Ending) -> EndAction { self.beginEnding(for: ending) ? .sayFarewell(ending) : .none }

    /// Begins to end, unless it has begun already or is over. Returns whether it did.
    private mutating func beginEnding(for ending: Ending) -> Bool {
        switch self.phase {
        case .attaching: self.phase = .ending(.writable, isReading: false)
        case .following(let flow): self.phase = .ending(flow, isReading: false)
        case .reading(let flow): self.phase = .ending(flow, isReading: true)
        case .ending, .closing, .closed: return false
        }
        self.farewell = ending
        self.isCut = ending.dropsQueue
        return true
    }

    /// Whatever was asked of the log is no longer needed: the last words do not wait for it.
    mutating func readingCancelled() {
        if case .ending(let flow, isReading: true) = self.phase { self.phase = .ending(flow, isReading: false) }
    }

    /// The last words are with the kernel.
    mutating func farewellSent() -> FarewellSentAction {
        guard case .ending = self.phase, let farewell = self.farewell else { return .none }
        self.phase = .closing
        return .awaitPeer(farewell)
    }

    /// There is nothing to be said to a peer that does not read.
    mutating func farewellOmitted() -> CloseAction {
        guard case .ending = self.phase, let farewell = self.farewell else { return .none }
        return self.close(farewell)
    }

    /// The peer has not acknowledged anything for too long: it is gone without a word.
    mutating func peerFellSilent() -> CloseAction { self.close(.peerGone) }

    /// The peer has closed or reset the connection.
    mutating func peerClosed() -> CloseAction { self.close(.peerClosed) }

    /// The socket reported an error.
    mutating func socketFailed() -> CloseAction { self.close(.socketFailed) }

    /// The entry that was being sent is no longer in the log: its rest is lost.
    mutating func entryLost() -> CloseAction { self.close(.entryLost) }

    /// The peer had time enough to take what it was sent.
    mutating func lingerElapsed() -> LingerAction {
        guard let farewell = self.farewell else { return .none }
        if case .ending = self.phase, !self.isCut {
            self.isCut = true
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
        return self.farewell ?? ending
    }
}
