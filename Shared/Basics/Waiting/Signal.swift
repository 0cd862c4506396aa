import Synchronization

/// A flag that one task waits for and any thread raises.
///
/// A raise without a waiting task is remembered; waiting resets the flag.
package final class Signal: Sendable {
    private struct State {
        var isRaised = false
        var waiter: OneShot<Void>?
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes the waiting task, or the next one. Any thread; never blocks.
    package func raise() {
        let waiter = state.withLock { state in
            state.isRaised = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.settle(())
    }

    /// Waits until the flag is raised, the time limit passes, or the task is cancelled. One waiting task at a time.
    ///
    /// - Parameter limit: Time limit; nil for none.
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
