import Synchronization

/// Runs an operation once for all who want its result at the same time, told apart by keys.
///
/// Whoever asks while the operation of a key runs gets the result of that run, so it is for results that do not age while they are fetched.
package final class SharedWork<Key: Hashable & Sendable, Value: Sendable, Failure: Error>: Sendable {
    private let running = Mutex<[Key: Task<Result<Value, Failure>, Never>]>([:])

    package init() {}

    /// The result of the run under way for `key`, or of a new one.
    ///
    /// - Parameter operation: runs in a task of its own, which no caller's cancellation reaches.
    /// - Throws: what the operation throws.
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
