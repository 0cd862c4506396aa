import Basics
import Synchronization

/// The memory that all connections of an edge together may hold for what their clients have not read yet. Any thread.
///
/// Only connections with much to send count. A tenant may hold a quarter of it while others hold some, too, and all of it while it is alone. Of a
/// tenant that holds more than it may, those connections are to end that hold more than an equal share, so that a few slow readers of large answers
/// never cost others theirs, of their tenant or of another.
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

    /// A connection of `tenant` that held `old` bytes holds `new` ones. Returns whether it may.
    func change(of tenant: Tenant, from old: Int, to new: Int) -> Bool {
        self.state.withLock { state in
            var holding = state.tenants[tenant] ?? Holding()
            state.bytes += new - old
            holding.bytes += new - old
            if old == 0, new > 0 { holding.connections += 1 }
            if old > 0, new == 0 { holding.connections -= 1 }
            state.tenants[tenant] = holding.connections > 0 ? holding : nil
            var share = state.tenants.count > 1 ? self.limit / 4 : self.limit
            // However many tenants there are, what all hold has a bound.
            if state.bytes > self.limit { share = min(share, self.limit / max(1, state.tenants.count)) }
            return holding.bytes <= share || new <= share / max(1, holding.connections)
        }
    }
}
