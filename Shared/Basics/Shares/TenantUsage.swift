import Synchronization

/// Measures usage per tenant over the last minute, for the metrics of the largest tenants. Any thread.
///
/// Sliding window: the current window plus the overlapping share of the previous one.
public final class TenantUsage: Sendable {
    /// The tenants that used most, and all others together.
    public struct Largest: Sendable {
        /// Tenants with usage, largest first.
        public var tenants: [(tenant: Tenant, amount: Int)]
        /// Sum of all other tenants' usage.
        public var others: Int
    }

    private struct Window {
        var amounts: [Tenant: Int] = [:]
        /// Usage of tenants beyond ``maximumTenants``.
        var others = 0
    }

    private struct State {
        var present = Window()
        var before = Window()
        var begin: Duration
    }

    /// Maximum number of tenants counted individually per window.
    static let maximumTenants = 10_000
    private static let window: Duration = .seconds(60)

    private let now: @Sendable () -> Duration
    private let state: Mutex<State>

    /// - Parameter now: Monotonic time since any fixed instant.
    public init(now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.now = now
        state = Mutex(State(begin: now()))
    }

    /// Adds a positive amount.
    public func add(_ amount: Int, of tenant: Tenant) {
        let time = now()
        state.withLock { state in
            Self.turn(&state, at: time)
            if state.present.amounts[tenant] != nil || state.present.amounts.count < Self.maximumTenants {
                state.present.amounts[tenant, default: 0] += amount
            } else {
                state.present.others += amount
            }
        }
    }

    /// Returns the tenant's usage in the last minute; 0 for one that is not counted individually.
    public func amount(of tenant: Tenant) -> Int {
        let time = now()
        return state.withLock { state in
            Self.turn(&state, at: time)
            let before = Double(state.before.amounts[tenant] ?? 0) * Self.overlap(of: state, at: time)
            return (state.present.amounts[tenant] ?? 0) + Int(before)
        }
    }

    /// Returns the largest tenants of the last minute.
    public func largest(_ count: Int) -> Largest {
        let time = now()
        return state.withLock { state in
            Self.turn(&state, at: time)
            let share = Self.overlap(of: state, at: time)
            var amounts = state.present.amounts
            for (tenant, amount) in state.before.amounts { amounts[tenant, default: 0] += Int(Double(amount) * share) }
            let sorted = amounts.filter { $0.value > 0 }.sorted { ($0.value, $1.key.text) > ($1.value, $0.key.text) }
            let others = sorted.dropFirst(count).reduce(0) { $0 + $1.value }
            return Largest(
                tenants: sorted.prefix(count).map { (tenant: $0.key, amount: $0.value) },
                others: others + state.present.others + Int(Double(state.before.others) * share)
            )
        }
    }

    /// The part of the previous window that lies in the last minute.
    private static func overlap(of state: State, at time: Duration) -> Double { max(0, 1 - (time - state.begin) / window) }

    private static func turn(_ state: inout State, at time: Duration) {
        let elapsed = time - state.begin
        guard elapsed >= window else { return }
        state.before = elapsed < window * 2 ? state.present : Window()
        state.present = Window()
        state.begin = elapsed < window * 2 ? state.begin + window : time
    }
}
