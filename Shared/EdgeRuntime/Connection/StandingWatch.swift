import Basics
import EventModel

/// Detects when the log is no longer followed, and when it is again, as a value; ignores interruptions shorter than the patience.
struct StandingWatch: Sendable {
    private let patience: Duration
    private var lost: (at: MonotonicInstant, time: Timestamp)?
    /// When the log went out of reach; nil while it is followed, or has been out of reach for no longer than the patience.
    private(set) var stalledSince: Timestamp?

    init(patience: Duration) { self.patience = patience }

    /// Updates the state, at intervals. Returns whether ``stalledSince`` has been set or cleared.
    mutating func looked(isFollowing: Bool, now: MonotonicInstant, time: @autoclosure () -> Timestamp) -> Bool {
        if isFollowing {
            self.lost = nil
            defer { self.stalledSince = nil }
            return self.stalledSince != nil
        }
        guard let lost = self.lost else {
            self.lost = (now, time())
            return false
        }
        guard self.stalledSince == nil, lost.at.advanced(by: self.patience) <= now else { return false }
        self.stalledSince = lost.time
        return true
    }
}

extension EdgeConnection {
    /// Sends whether the log is followed, unless the client knows. A blocked client is sent it when the socket is writable.
    func tellStanding() {
        let since = self.hub.assumeIsolated { $0.standing.stalledSince }
        guard self.isToldStalled != (since != nil), self.state.isOpen, !self.state.isBlocked, self.wasAdmitted else { return }
        self.isToldStalled.toggle()
        let bytes = self.group.chain.encoder.standing(since.map { .stalled(since: $0) } ?? .live)
        guard !bytes.isEmpty else { return self.sendHeartbeat() }
        self.outbox.append(bytes)
        self.perform(self.state.entriesPublished())
    }
}
