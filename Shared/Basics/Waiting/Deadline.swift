/// Runs an operation and cancels it at the deadline.
///
/// Returns when the operation has ended: an operation that ignores cancellation delays the error.
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
        group.addTask { try await operation() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw WaitError.deadlineExceeded
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}
