import Synchronization

/// Why a wait ended without a value.
package enum WaitError: Error, Hashable, Sendable {
    /// The time was over first.
    case deadlineExceeded
    /// The waiting task was cancelled first.
    case cancelled
}

/// A value that is set once and awaited by any number of tasks, each with a deadline and a cancellation of its own.
///
/// It may be settled before, while and after tasks wait, from any thread. A wait that ends early leaves the value for the others.
package final class OneShot<Value: Sendable>: Sendable {
    private struct Waiter {
        let continuation: CheckedContinuation<Result<Value, WaitError>, Never>
        let timer: Task<Void, Never>?

        func resume(with result: Result<Value, WaitError>) {
            timer?.cancel()
            continuation.resume(returning: result)
        }
    }

    private struct State {
        var value: Value?
        var waiters: [UInt64: Waiter] = [:]
        private var nextID: UInt64 = 0

        mutating func makeID() -> UInt64 {
            nextID += 1
            return nextID
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// The value, if it is there.
    package var value: Value? { state.withLock { $0.value } }

    /// Whether the value is there.
    package var isSettled: Bool { state.withLock { $0.value != nil } }

    /// The number of tasks that wait.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Sets the value and resumes all waiters. Only the first call counts. Any thread; never blocks.
    ///
    /// - Returns: whether this call set the value.
    @discardableResult
    package func settle(_ value: Value) -> Bool {
        let waiters: [UInt64: Waiter]? = state.withLock { state in
            guard state.value == nil else { return nil }
            state.value = value
            defer { state.waiters = [:] }
            return state.waiters
        }
        guard let waiters else { return false }
        for waiter in waiters.values { waiter.resume(with: .success(value)) }
        return true
    }

    /// Waits for the value.
    ///
    /// - Parameter limit: how long to wait; nil for as long as it takes. A value that is there is returned whatever the limit.
    /// - Throws: ``WaitError/deadlineExceeded``, and ``WaitError/cancelled`` when the calling task is cancelled.
    package func value(within limit: Duration? = nil) async throws(WaitError) -> Value {
        if let value { return value }
        if let limit, limit <= .zero { throw .deadlineExceeded }
        let id = state.withLock { $0.makeID() }
        return try await withTaskCancellationHandler {
            await wait(id, limit: limit, endsWithTask: true)
        } onCancel: {
            abandon(id, because: .cancelled)
        }.get()
    }

    /// Waits for the value, also when the calling task is cancelled: `onCancel` is called then, and sees to it that the value is settled.
    package func value(onCancel: @Sendable () -> Void) async -> Value {
        await withTaskCancellationHandler {
            while true {
                let id = state.withLock { $0.makeID() }
                if case .success(let value) = await wait(id, limit: nil, endsWithTask: false) { return value }
            }
        } onCancel: {
            onCancel()
        }
    }

    private func wait(_ id: UInt64, limit: Duration?, endsWithTask: Bool) async -> Result<Value, WaitError> {
        await withCheckedContinuation { continuation in
            let early = state.withLock { state -> Result<Value, WaitError>? in
                if let value = state.value { return .success(value) }
                // A cancellation before this line found no waiter to resume.
                if endsWithTask, Task.isCancelled { return .failure(.cancelled) }
                state.waiters[id] = Waiter(continuation: continuation, timer: limit.map { startTimer($0, for: id) })
                return nil
            }
            if let early { continuation.resume(returning: early) }
        }
    }

    private func startTimer(_ limit: Duration, for id: UInt64) -> Task<Void, Never> {
        Task {
            try? await Task.sleep(for: limit)
            abandon(id, because: .deadlineExceeded)
        }
    }

    private func abandon(_ id: UInt64, because error: WaitError) {
        state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(with: .failure(error))
    }
}
