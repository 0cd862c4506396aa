import Synchronization

/// Lets tasks wait until something that only grows has reached a value.
final class PositionGate: Sendable {
    /// One wait, from before it begins until after it has ended.
    private enum Wait {
        case announced
        case waiting(CheckedContinuation<Bool, Never>)
        case abandoned
    }

    private struct State {
        var position: UInt64 = 0
        var waits: [UInt64: (target: UInt64, wait: Wait)] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Where it is. Any thread.
    var position: UInt64 { state.withLock { $0.position } }

    /// How many wait.
    var waiting: Int { state.withLock { $0.waits.count } }

    /// It has come further: whoever waited for that goes on. Never back, save by ``reset()``.
    func advance(to position: UInt64) {
        let reached: [CheckedContinuation<Bool, Never>] = state.withLock { state in
            state.position = max(state.position, position)
            var reached: [CheckedContinuation<Bool, Never>] = []
            for (id, entry) in state.waits where entry.target <= state.position {
                guard case .waiting(let continuation) = entry.wait else { continue }
                reached.append(continuation)
                state.waits[id] = nil
            }
            return reached
        }
        for continuation in reached { continuation.resume(returning: true) }
    }

    /// It begins anew; whoever waits goes on waiting.
    func reset() {
        state.withLock { $0.position = 0 }
    }

    /// Waits until it has reached `target`.
    ///
    /// - Returns: false when the time was over before, or the task was cancelled.
    func wait(for target: UInt64, atMost limit: Duration) async -> Bool {
        guard let id = announce(target) else { return true }
        defer { state.withLock { $0.waits[id] = nil } }
        let deadline = Task {
            try? await Task.sleep(for: limit)
            abandon(id)
        }
        defer { deadline.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { begin(id, $0) }
        } onCancel: {
            abandon(id)
        }
    }

    /// The id of a wait that is about to begin; nil when there is nothing to wait for.
    private func announce(_ target: UInt64) -> UInt64? {
        state.withLock { state in
            guard state.position < target else { return nil }
            state.nextID += 1
            state.waits[state.nextID] = (target, .announced)
            return state.nextID
        }
    }

    private func begin(_ id: UInt64, _ continuation: CheckedContinuation<Bool, Never>) {
        let answer: Bool? = state.withLock { state in
            guard let entry = state.waits[id] else { return false }
            if state.position >= entry.target { return true }
            if case .abandoned = entry.wait { return false }
            state.waits[id] = (entry.target, .waiting(continuation))
            return nil
        }
        if let answer { continuation.resume(returning: answer) }
    }

    /// Ends a wait, or keeps it from beginning; nothing happens to one that has ended.
    private func abandon(_ id: UInt64) {
        let continuation: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard let entry = state.waits[id] else { return nil }
            state.waits[id] = (entry.target, .abandoned)
            guard case .waiting(let continuation) = entry.wait else { return nil }
            return continuation
        }
        continuation?.resume(returning: false)
    }
}
