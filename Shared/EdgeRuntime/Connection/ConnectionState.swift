import EventModel

/// The life of an accepted stream as a value: facts go in, what is to be done comes out. It knows no socket and no clock.
///
/// `attaching → following (writable | blocked) ⇄ reading (the log) → closing → closed`
///
/// Live, catching up and lagging are all `following`: they differ only in how far the connection's position is from the
/// end. Design: "Laggards".
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
        /// The last words are sent; the peer is given a moment to take them and close.
        case closing
        case closed
    }

    /// What the driver is to do.
    enum Action: Sendable, Equatable {
        case none
        /// Write from the position on.
        case deliver
        /// Read the log after the position, then report ``logRead()`` or ``logUnavailable()``.
        case readLog
        case sendHeartbeat
        /// Send the last words, shut the sending side down, and report ``lingerElapsed()`` in a while.
        case sayFarewell(EndReason)
        /// Close the descriptor.
        case close(CloseCause)
    }

    private(set) var phase: Phase = .attaching
    /// Why the last words were said. Whoever closes first after them, that is why the connection ended.
    private var farewell: EndReason?

    /// Whether the connection is one that events are delivered to.
    var isOpen: Bool {
        switch self.phase {
        case .attaching, .following, .reading: true
        case .closing, .closed: false
        }
    }

    /// Whether the socket takes no more at the moment.
    var isBlocked: Bool {
        switch self.phase {
        case .following(.blocked), .reading(.blocked): true
        case .attaching, .following(.writable), .reading(.writable), .closing, .closed: false
        }
    }

    /// The hub has taken the connection in.
    mutating func attached() -> Action {
        guard case .attaching = self.phase else { preconditionFailure("a connection is attached once") }
        self.phase = .following(.writable)
        return .deliver
    }

    /// Something was appended that the connection may have to send.
    func entriesPublished() -> Action {
        switch self.phase {
        case .following(.writable): .deliver
        case .attaching, .following(.blocked), .reading, .closing, .closed: .none
        }
    }

    /// The socket took less than was offered.
    mutating func writeFellShort(now: MonotonicInstant) {
        switch self.phase {
        case .following(.writable): self.phase = .following(.blocked(since: now))
        case .reading(.writable): self.phase = .reading(.blocked(since: now))
        case .attaching, .following(.blocked), .reading(.blocked), .closing, .closed: break
        }
    }

    /// The socket takes bytes again.
    mutating func becameWritable() -> Action {
        switch self.phase {
        case .following(.blocked):
            self.phase = .following(.writable)
            return .deliver
        case .reading(.blocked):
            self.phase = .reading(.writable)
            return .none
        case .attaching, .following(.writable), .reading(.writable), .closing, .closed:
            return .none
        }
    }

    /// The position is neither in the pages nor in the tail.
    mutating func positionLeftMemory() -> Action {
        switch self.phase {
        case .following(let flow):
            self.phase = .reading(flow)
            return .readLog
        case .attaching, .reading, .closing, .closed:
            return .none
        }
    }

    /// What was asked of the log is here.
    mutating func logRead() -> Action {
        switch self.phase {
        case .reading(.writable):
            self.phase = .following(.writable)
            return .deliver
        case .reading(.blocked(let since)):
            self.phase = .following(.blocked(since: since))
            return .none
        case .attaching, .following, .closing, .closed:
            return .none
        }
    }

    /// The log could not be read.
    mutating func logUnavailable() -> Action {
        self.endRequested(.stream(.unavailable), inMidEntry: false)
    }

    /// A sign of life is due. A blocked socket needs none; one that is blocked for too long is given up.
    mutating func heartbeatDue(now: MonotonicInstant, stallTimeout: Duration) -> Action {
        switch self.phase {
        case .following(.writable):
            return .sendHeartbeat
        case .following(.blocked(let since)), .reading(.blocked(let since)):
            guard since.advanced(by: stallTimeout) <= now else { return .none }
            self.phase = .closed
            return .close(.stalled)
        case .attaching, .reading(.writable), .closing, .closed:
            return .none
        }
    }

    /// The edge wants the connection to end. In the middle of an entry, or while the socket is full, nothing more can
    /// be said: the client will find the connection cut and resume.
    mutating func endRequested(_ reason: EndReason, inMidEntry: Bool) -> Action {
        switch self.phase {
        case .attaching, .following(.writable), .reading(.writable):
            guard !inMidEntry else {
                self.phase = .closed
                return .close(.ended(reason))
            }
            self.phase = .closing
            self.farewell = reason
            return .sayFarewell(reason)
        case .following(.blocked), .reading(.blocked):
            self.phase = .closed
            return .close(.ended(reason))
        case .closing, .closed:
            return .none
        }
    }

    /// The peer has not acknowledged anything for too long: it is gone without a word.
    mutating func peerFellSilent() -> Action { self.close(.peerGone) }

    /// The peer has closed or reset the connection.
    mutating func peerClosed() -> Action { self.close(.peerClosed) }

    /// The socket reported an error.
    mutating func socketFailed() -> Action { self.close(.socketFailed) }

    /// The entry that was being sent is no longer in the log: its rest is lost.
    mutating func entryLost() -> Action { self.close(.entryLost) }

    /// The peer had time enough to take the last words.
    mutating func lingerElapsed() -> Action {
        guard let farewell = self.farewell else { return .none }
        return self.close(.ended(farewell))
    }

    private mutating func close(_ cause: CloseCause) -> Action {
        if case .closed = self.phase { return .none }
        self.phase = .closed
        return .close(self.farewell.map(CloseCause.ended) ?? cause)
    }
}

/// Why a connection is no more: the label of metrics and log lines.
enum CloseCause: Sendable, Hashable, CustomStringConvertible {
    case peerClosed
    case peerGone
    case socketFailed
    case stalled
    case entryLost
    case ended(EndReason)

    var description: String {
        switch self {
        case .peerClosed: "peer_closed"
        case .peerGone: "peer_gone"
        case .socketFailed: "socket_failed"
        case .stalled: "stalled"
        case .entryLost: "entry_lost"
        case .ended(let reason): reason.description
        }
    }
}
