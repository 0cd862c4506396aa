import Synchronization

/// Runs an operation and cancels it at the deadline.
///
/// Returns when the operation has ended: an operation that ignores cancellation delays the error. The operation begins on the calling thread; the timer is
/// started only if it has to wait for something.
///
/// - Parameters:
///   - limit: Time limit.
///   - operation: Runs in a child task.
/// - Throws: the operation's errors; ``WaitError/deadlineExceeded``; `CancellationError` when the calling task is cancelled.
package func withDeadline<Value: Sendable>(
    _ limit: Duration,
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        let outcome = Outcome()
        group.addImmediateTask {
            defer { outcome.isKnown.store(true, ordering: .relaxed) }
            return try await operation()
        }
        defer { group.cancelAll() }
        if !outcome.isKnown.load(ordering: .relaxed) {
            group.addTask {
                try await Task.sleep(for: limit)
                throw WaitError.deadlineExceeded
            }
        }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}

/// Whether an operation has ended.
private final class Outcome: Sendable {
    let isKnown = Atomic(false)
}
