import Synchronization

/// How much each tenant used of something in the last minute, for the metrics of the largest. Any thread.
///
/// The last minute is what was counted in the present window and the part of the window before that lies in it, taken as even.
public final class TenantUsage: Sendable {
    /// The tenants that used most, and all others together.
    public struct Largest: Sendable {
        /// The largest first; tenants with nothing are left out.
        public var tenants: [(tenant: Tenant, amount: Int)]
        public var others: Int
    }

    private struct Window {
        var amounts: [Tenant: Int] = [:]
        /// Of tenants for which there was no room.
        var others = 0
    }

    private struct State {
        var present = Window()
        var before = Window()
        var begin: Duration
    }

    /// How many tenants are told apart in a window.
    static let maximumTenants = 10_000
    private static let window: Duration = .seconds(60)

    private let now: @Sendable () -> Duration
    private let state: Mutex<State>

    /// - Parameter now: the time since any fixed moment.
    public init(now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.now = now
        state = Mutex(State(begin: now()))
    }

    /// Counts a use of a positive amount.
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

    /// The tenants that used most in the last minute.
    public func largest(_ count: Int) -> Largest {
        let time = now()
        return state.withLock { state in
            Self.turn(&state, at: time)
            let share = max(0, 1 - (time - state.begin) / Self.window)
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

    private static func turn(_ state: inout State, at time: Duration) {
        let elapsed = time - state.begin
        guard elapsed >= window else { return }
        state.before = elapsed < window * 2 ? state.present : Window()
        state.present = Window()
        state.begin = elapsed < window * 2 ? state.begin + window : time
    }
}
