import Synchronization

/// A flag that one task waits for and any thread raises.
///
/// Raised while no task waits, it is remembered; waiting takes it down.
package final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var waiter: OneShot<Void>?
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes the task that waits, or the next to wait. Any thread; never blocks.
    package func raise() {
        let waiter = state.withLock { state in
            state.isRaised = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.settle(())
    }

    /// Returns when the flag is raised, the time is over, or the task is cancelled. Only one task waits at a time.
    ///
    /// - Parameter limit: how long to wait; nil for as long as it takes.
    package func wait(atMost limit: Duration? = nil) async {
        let waiter: OneShot<Void>? = state.withLock { state in
            guard !state.isRaised else {
                state.isRaised = false
                return nil
            }
            state.waiter = OneShot()
            return state.waiter
        }
        guard let waiter, (try? await waiter.value(within: limit)) == nil else { return }
        state.withLock { if $0.waiter === waiter { $0.waiter = nil } }
    }
}
