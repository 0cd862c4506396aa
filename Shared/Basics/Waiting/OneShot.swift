import Synchronization

/// Why a wait ended without a value.
package enum WaitError: Error, Hashable, Sendable {
    /// The deadline passed first.
    case deadlineExceeded
    /// The waiting task was cancelled first.
    case cancelled
}

/// A promise: set once, awaited by any number of tasks, each with its deadline and cancellation.
///
/// Settle it from any thread, before, while or after tasks wait. An abandoned wait does not affect the others.
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

    /// The value; nil while it is not settled.
    package var value: Value? { state.withLock { $0.value } }

    /// Whether the value is set.
    package var isSettled: Bool { state.withLock { $0.value != nil } }

    /// Number of waiting tasks.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Sets the value and resumes all waiters. Only the first call has an effect. Any thread; never blocks.
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
    /// - Parameter limit: Time limit; nil for none. A value that is set is returned whatever the limit.
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

    /// Waits for the value even when the calling task is cancelled: `onCancel` is then called and must cause the value to be settled.
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
