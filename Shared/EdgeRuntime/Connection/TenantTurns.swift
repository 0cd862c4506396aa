import Basics
import DequeModule
import Synchronization

/// Lets each tenant have a few things under way at a time; what it asks for beyond that waits, in order, and holds up no other tenant. Any thread.
final class TenantTurns: Sendable {
    private struct Queue {
        var running = 0
        var waiting: Deque<CheckedContinuation<Void, Never>> = []
    }

    private let limit: Int
    private let queues = Mutex<[Tenant: Queue]>([:])

    /// - Parameter limit: how many of a tenant run at a time.
    init(limit: Int) { self.limit = limit }

    /// Runs `body` when it is its turn.
    func run<Value: Sendable, Failure: Error>(
        for tenant: Tenant,
        _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        await self.begin(tenant)
        defer { self.end(tenant) }
        return try await body()
    }

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
            // Whoever waits takes the place over.
            if let next = queues[tenant]?.waiting.popFirst() { return next }
            queues[tenant]?.running -= 1
            if queues[tenant]?.running == 0 { queues[tenant] = nil }
            return nil
        }
        next?.resume()
    }
}
