import Synchronization

/// Holds why a shared reading is stopped. Any thread.
final class ReadingStanding: Sendable {
    private let reason = Mutex<String?>("It has not begun yet.")

    /// The message with the reason; nil while it runs.
    var fault: String? { reason.withLock { $0 } }

    /// Records that it runs.
    func began() { reason.withLock { $0 = nil } }

    /// Records why it stopped, until it runs again.
    func stopped(_ reason: String) { self.reason.withLock { $0 = reason } }
}
