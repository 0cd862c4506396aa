import Basics
import EventModel

/// State of work in progress: bytes that the socket has not taken, a chunk of the log, input not decoded yet, the connection's end. Nil for
/// an idle connection (``EdgeConnection/releasePendingWork()``), which halves its memory. Used by its connection only.
final class PendingWork {
    /// Bytes to send besides entries; sent first, but never in the middle of an entry.
    var outbox = Outbox()
    /// The connection's share of the ``UnsentBudget``, in bytes.
    var budgeted = 0
    /// Cursors of the conversation to resolve, each with its keys; the first one is being resolved.
    var sought: [(cursor: String, keys: [String])] = []
    /// Resolved cursors of the conversation, and other changes that must wait for the end of an entry.
    var changes: [StreamChange] = []
    /// A chunk read from the log, and the sequence up to which it is complete.
    var replay: (page: Page, through: UInt64)?
    /// The rest of an entry that was interrupted by a full socket.
    var rest: ArraySlice<UInt8> = []
    /// Bytes of ``rest`` counted in the hub's ``LoopHub/laggardBytes``. A page is counted for all who hold it.
    var held = 0
    /// The read of the log in flight.
    var reader: Task<Void, Never>?
    /// The renewal of the token in flight.
    var renewal: PendingRenewal?
    /// Input to decode in the next turn: at most one read, or the bytes that came with the handshake.
    var unread: [UInt8] = []
    /// Bytes of input since the connection began to end.
    var readAfterEnd = 0
    /// The time of the next check whether the peer has read the farewell.
    var lingersUntil: MonotonicInstant?
    /// The deadline for a client that had stopped reading to read again and receive the farewell.
    var farewellDeadline: MonotonicInstant?

    /// Whether there is no work in progress.
    var isDone: Bool {
        self.outbox.isEmpty && self.budgeted == 0 && self.sought.isEmpty && self.changes.isEmpty && self.replay == nil && self.rest.isEmpty
            && self.held == 0 && self.reader == nil && self.renewal == nil && self.unread.isEmpty && self.readAfterEnd == 0
            && self.lingersUntil == nil && self.farewellDeadline == nil
    }
}

extension EdgeConnection {
    /// Returns the state of work in progress; creates it when absent.
    func pendingWork() -> PendingWork {
        if let pending = self.pending { return pending }
        let pending = PendingWork()
        self.pending = pending
        return pending
    }

    /// Frees that state if there is no work left.
    func releasePendingWork() {
        if let pending = self.pending, pending.isDone { self.pending = nil }
    }

    /// Bytes to send besides entries; sent first, but never in the middle of an entry.
    var outbox: Outbox {
        get { self.pending?.outbox ?? Outbox() }
        _modify { yield &self.pendingWork().outbox }
    }

    /// Cursors of the conversation to resolve, each with its keys; the first one is being resolved.
    var sought: [(cursor: String, keys: [String])] {
        get { self.pending?.sought ?? [] }
        _modify { yield &self.pendingWork().sought }
    }

    /// Resolved cursors of the conversation, and other changes that must wait for the end of an entry.
    var changes: [StreamChange] {
        get { self.pending?.changes ?? [] }
        _modify { yield &self.pendingWork().changes }
    }

    /// A chunk read from the log, and the sequence up to which it is complete.
    var replay: (page: Page, through: UInt64)? {
        get { self.pending?.replay }
        set {
            let wasHeld = self.replay != nil
            guard wasHeld || newValue != nil else { return }
            self.pendingWork().replay = newValue
            guard wasHeld != (newValue != nil) else { return }
            self.hub.assumeIsolated { $0.chunkHeld(!wasHeld, by: self.handle) }
        }
    }

    /// The rest of an entry that was interrupted by a full socket: it can be finished even if the log drops the entry. Empty
    /// between entries, and when more than ``restLimit`` is left.
    var rest: ArraySlice<UInt8> {
        get { self.pending?.rest ?? [] }
        set {
            guard !newValue.isEmpty || !self.rest.isEmpty else { return }
            self.pendingWork().rest = newValue
            self.countHeld()
        }
    }

    private func countHeld() {
        guard let pending = self.pending else { return }
        let held = pending.rest.count
        if held != pending.held { self.hub.laggardBytes.add(held - pending.held) }
        pending.held = held
    }
}
