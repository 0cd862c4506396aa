import Synchronization

/// Lets tasks wait until a monotonic position reaches a value. Any thread.
package final class PositionGate: Sendable {
    private struct State {
        var position: UInt64 = 0
        var waits: [UInt64: (target: UInt64, reached: OneShot<Void>)] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Creates a gate at position 0.
    package init() {}

    /// The position. Any thread.
    package var position: UInt64 { state.withLock { $0.position } }

    /// Number of waiting tasks.
    package var waiting: Int { state.withLock { $0.waits.count } }

    /// Advances the position and resumes its waiters. It never decreases, except by ``reset()``.
    package func advance(to position: UInt64) {
        let reached: [OneShot<Void>] = state.withLock { state in
            state.position = max(state.position, position)
            return state.waits.values.filter { $0.target <= state.position }.map(\.reached)
        }
        for wait in reached { wait.settle(()) }
    }

    /// Resets the position to 0; tasks continue to wait.
    package func reset() {
        state.withLock { $0.position = 0 }
    }

    /// Waits until the position reaches `target`.
    ///
    /// - Returns: false on timeout or cancellation.
    package func wait(for target: UInt64, atMost limit: Duration) async -> Bool {
        let wait: (id: UInt64, reached: OneShot<Void>)? = state.withLock { state in
            guard state.position < target else { return nil }
            state.nextID += 1
            let reached = OneShot<Void>()
            state.waits[state.nextID] = (target, reached)
            return (state.nextID, reached)
        }
        guard let wait else { return true }
        defer { state.withLock { $0.waits[wait.id] = nil } }
        return (try? await wait.reached.value(within: limit)) != nil
    }
}
