/// Runs an operation and cancels it when the time is over.
///
/// It returns when the operation has ended, so an operation that ignores its cancellation delays the error.
///
/// - Parameters:
///   - limit: how long the operation may take.
///   - operation: what to run, in a child task.
/// - Throws: what the operation throws; ``WaitError/deadlineExceeded``; `CancellationError` when the calling task is cancelled.
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
