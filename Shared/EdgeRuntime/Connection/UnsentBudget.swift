import Basics
import Synchronization

/// Bounds the memory of all connections of an edge together for bytes that clients have not read yet. Any thread.
///
/// Only connections with a large backlog count. A tenant may hold a quarter of the budget while other tenants hold some, and all of it
/// while it is alone. Of a tenant above its share, those connections end that hold more than an equal part of it, so that a few slow
/// readers of large answers never end other connections, of their tenant or of another.
final class UnsentBudget: Sendable {
    private struct Holding {
        var bytes = 0
        var connections = 0
    }

    private struct State {
        var bytes = 0
        var tenants: [Tenant: Holding] = [:]
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: bytes, over all connections.
    init(limit: Int) { self.limit = limit }

    /// Changes the bytes held by a connection of `tenant` from `old` to `new`. Returns whether that is within its share.
    func change(of tenant: Tenant, from old: Int, to new: Int) -> Bool {
        self.state.withLock { state in
            var holding = state.tenants[tenant] ?? Holding()
            state.bytes += new - old
            holding.bytes += new - old
            if old == 0, new > 0 { holding.connections += 1 }
            if old > 0, new == 0 { holding.connections -= 1 }
            state.tenants[tenant] = holding.connections > 0 ? holding : nil
            var share = state.tenants.count > 1 ? self.limit / 4 : self.limit
            // Bounds the total, however many tenants there are.
            if state.bytes > self.limit { share = min(share, self.limit / max(1, state.tenants.count)) }
            return holding.bytes <= share || new <= share / max(1, holding.connections)
        }
    }
}
