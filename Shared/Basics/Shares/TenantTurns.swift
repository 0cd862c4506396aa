import Synchronization

/// Limits how many operations of one tenant run at a time. Further ones wait, in order, and delay no other tenant. Any thread.
package final class TenantTurns: Sendable {
    private struct Queue {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let limit: Int
    private let queues = Mutex<[Tenant: Queue]>([:])

    /// - Parameter limit: the most operations of a tenant that run at a time; at least 1.
    package init(limit: Int) {
        precondition(limit > 0)
        self.limit = limit
    }

    /// Runs `body` in the tenant's turn.
    package func run<Value: Sendable, Failure: Error>(
        for tenant: Tenant,
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        await self.begin(tenant)
        defer { self.end(tenant) }
        return try await body()
    }

    /// Returns the number of operations that wait.
    package var waitingCount: Int { self.queues.withLock { $0.values.reduce(0) { $0 + $1.waiting.count } } }

    private func begin(_ tenant: Tenant) async {
        await withCheckedContinuation { continuation in
            let isFree = self.queues.withLock { queues in
                var queue = queues[tenant] ?? Queue()
                defer { queues[tenant] = queue }
                guard queue.running < self.limit else {
                    queue.waiting.append(continuation)
                    return false
                }
                queue.running += 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    private func end(_ tenant: Tenant) {
        let next = self.queues.withLock { queues -> CheckedContinuation<Void, Never>? in
            // The first that waits takes the place over.
            if queues[tenant]?.waiting.isEmpty == false { return queues[tenant]?.waiting.removeFirst() }
            queues[tenant]?.running -= 1
            if queues[tenant]?.running == 0 { queues[tenant] = nil }
            return nil
        }
        next?.resume()
    }
}
