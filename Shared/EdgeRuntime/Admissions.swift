import Basics
import EventModel
import Synchronization

/// Counts open streams against the limits. Any thread.
final class Admissions: Sendable {
    private struct State {
        var isClosed = false
        var count = 0
        var tenants: [Tenant: Int] = [:]
    }

    private let state = Mutex(State())
    private let total: Int
    private let perTenant: Int

    /// Limits of 0 are none.
    init(total: Int, perTenant: Int) {
        self.total = total
        self.perTenant = perTenant
    }

    /// Takes a place; or says why there is none.
    func admit(_ tenant: Tenant) -> Ending? {
        self.state.withLock { state in
            if state.isClosed { return .draining }
            if self.total > 0, state.count >= self.total { return .overloaded }
            if self.perTenant > 0, state.tenants[tenant, default: 0] >= self.perTenant { return .limit }
            state.count += 1
            state.tenants[tenant, default: 0] += 1
            return nil
        }
    }

    /// Gives a place back.
    func release(_ tenant: Tenant) {
        self.state.withLock { state in
            state.count -= 1
            let left = (state.tenants[tenant] ?? 1) - 1
            state.tenants[tenant] = left > 0 ? left : nil
        }
    }

    /// The tenants with the most places, at most `count`, the largest first; those of one size by their names.
    func largest(_ count: Int) -> [(tenant: Tenant, connections: Int)] {
        let tenants = self.state.withLock { $0.tenants }
        return tenants.sorted { ($1.value, $0.key.text) < ($0.value, $1.key.text) }.prefix(count).map { ($0.key, $0.value) }
    }

    /// Whether ``close()`` was called.
    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// From now on nobody is admitted.
    func close() { self.state.withLock { $0.isClosed = true } }
}
