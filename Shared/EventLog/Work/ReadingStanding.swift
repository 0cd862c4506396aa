import Synchronization

/// Why a shared reading does not run. Any thread.
final class ReadingStanding: Sendable {
    private let reason = Mutex<String?>("It has not begun yet.")

    /// A sentence; nil while it runs.
    var fault: String? { reason.withLock { $0 } }

    /// It runs.
    func began() { reason.withLock { $0 = nil } }

    /// It does not, until it begins again.
    func stopped(_ reason: String) { self.reason.withLock { $0 = reason } }
}
