import Synchronization

/// Remembers the size of the approval records for a moment, so that a batch of requests costs one look at their stream. Any thread.
final class RecordsSize: Sendable {
    /// How long a look serves.
    static let life: Duration = .milliseconds(100)

    private let state = Mutex<(bytes: UInt64, at: ContinuousClock.Instant)?>(nil)

    /// The size in bytes; nil when it must be looked up.
    var known: UInt64? {
        state.withLock { state in
            guard let state, state.at.duration(to: .now) < Self.life else { return nil }
            return state.bytes
        }
    }

    /// Remembers the size.
    func note(_ bytes: UInt64) { state.withLock { $0 = (bytes, .now) } }
}
