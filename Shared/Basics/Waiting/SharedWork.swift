import Synchronization

/// Single-flight by key: runs an operation once for all concurrent callers of a key.
///
/// A caller joins the running operation, so it may get a result requested before its call: for results that do not go stale.
package final class SharedWork<Key: Hashable & Sendable, Value: Sendable, Failure: Error>: Sendable {
    private let running = Mutex<[Key: Task<Result<Value, Failure>, Never>]>([:])

    package init() {}

    /// Returns the result of the running operation for `key`, or of a new one.
    ///
    /// - Parameter operation: Runs in an unstructured task, unaffected by a caller's cancellation.
    /// - Throws: the operation's errors.
    package func value(
        for key: Key,
        _ operation: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let task = running.withLock { running in
            if let task = running[key] { return task }
            let task = Task { await self.run(operation, for: key) }
            running[key] = task
            return task
        }
        return try await task.value.get()
    }

    private func run(_ operation: @Sendable () async throws(Failure) -> Value, for key: Key) async -> Result<Value, Failure> {
        let result: Result<Value, Failure>
        do throws(Failure) {
            result = .success(try await operation())
        } catch {
            result = .failure(error)
        }
        running.withLock { $0[key] = nil }
        return result
    }
}
