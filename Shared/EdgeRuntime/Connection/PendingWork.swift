import Basics
import EventModel

/// What a connection holds only while something is under way: bytes that the socket has not taken, a chunk of the log, input that is not decoded
/// yet, its end. An idle connection has none (``EdgeConnection/releasePendingWork()``), which is half of its memory. Touched by its connection only.
final class PendingWork {
    /// What is to be sent besides entries; goes first, never in the middle of an entry.
    var outbox = Outbox()
    /// How much of the ``UnsentBudget`` the connection holds, in bytes.
    var budgeted = 0
    /// Cursors of the conversation that are being looked up, the first one now, and for what.
    var sought: [(cursor: String, keys: [String])] = []
    /// Cursors of the conversation that have been found, and other changes that must not happen in the middle of an entry.
    var changes: [StreamChange] = []
    /// A chunk read from the log, and how far it makes the connection complete.
    var replay: (page: Page, through: UInt64)?
    /// What is left of an entry that was begun when the socket became full.
    var rest: ArraySlice<UInt8> = []
    /// What ``replay`` and ``rest`` are counted with in the hub's ``LoopHub/laggardBytes``.
    var held = 0
    /// Reads the log.
    var reader: Task<Void, Never>?
    /// What came in and is still to be taken apart, in the next turn: at most what was read at once, or came with the handshake.
    var unread: [UInt8] = []
    /// Bytes that came in after the connection had begun to end.
    var readAfterEnd = 0
    /// Before this moment the peer is not expected to have taken the last words.
    var lingersUntil: MonotonicInstant?
    /// Until when a client that had stopped reading may begin again and still be told why its connection ends.
    var farewellDeadline: MonotonicInstant?

    /// Whether nothing is under way.
    var isDone: Bool {
        self.outbox.isEmpty && self.budgeted == 0 && self.sought.isEmpty && self.changes.isEmpty && self.replay == nil && self.rest.isEmpty
            && self.held == 0 && self.reader == nil && self.unread.isEmpty && self.readAfterEnd == 0 && self.lingersUntil == nil
            && self.farewellDeadline == nil
    }
}

extension EdgeConnection {
    /// What is under way, to be added to.
    func pendingWork() -> PendingWork {
        if let pending = self.pending { return pending }
        let pending = PendingWork()
        self.pending = pending
        return pending
    }

    /// Frees the memory of what was under way if that is done.
    func releasePendingWork() {
        if let pending = self.pending, pending.isDone { self.pending = nil }
    }

    /// What is to be sent besides entries; goes first, never in the middle of an entry.
    var outbox: Outbox {
        get { self.pending?.outbox ?? Outbox() }
        _modify { yield &self.pendingWork().outbox }
    }

    /// Cursors of the conversation that are being looked up, the first one now, and for what.
    var sought: [(cursor: String, keys: [String])] {
        get { self.pending?.sought ?? [] }
        _modify { yield &self.pendingWork().sought }
    }

    /// Cursors of the conversation that have been found, and other changes that must not happen in the middle of an entry.
    var changes: [StreamChange] {
        get { self.pending?.changes ?? [] }
        _modify { yield &self.pendingWork().changes }
    }

    /// A chunk read from the log, and how far it makes the connection complete.
    var replay: (page: Page, through: UInt64)? {
        get { self.pending?.replay }
        set {
            let wasHeld = self.replay != nil
            guard wasHeld || newValue != nil else { return }
            self.pendingWork().replay = newValue
            self.countHeld()
            guard wasHeld != (newValue != nil) else { return }
            self.hub.assumeIsolated { $0.chunkHeld(!wasHeld, by: self.handle) }
        }
    }

    /// What is left of an entry that was begun when the socket became full, so that it can be finished whatever the log forgets meanwhile. Empty
    /// between entries, and for one of which more is left than ``restLimit``.
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
        let held = (pending.replay?.page.footprint ?? 0) + pending.rest.count
        if held != pending.held { self.hub.laggardBytes.add(held - pending.held) }
        pending.held = held
    }
}
