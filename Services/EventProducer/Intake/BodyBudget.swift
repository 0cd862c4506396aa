import Basics
import Synchronization

/// Limits the bytes of request bodies in memory, per process and per tenant.
///
/// A request reserves its maximum body size before reading; without room it is refused at once, so that many large requests cause refusals
/// instead of exhausting the memory. A tenant gets at most its share: a slow sender blocks no other tenant.
final class BodyBudget: Sendable {
    /// Current reservations.
    struct Use: Sendable, Hashable {
        /// Requests in progress: receiving the body or storing the events.
        var requests = 0
        var bytes = 0
    }

    /// Why a reservation failed.
    enum Shortage: Error, Hashable {
        /// The tenant's share is used by its other requests.
        case share
        /// The process's budget is used.
        case budget
    }

    private struct State {
        var available: Int
        var use = Use()
        var reserved: [Tenant: Int] = [:]
    }

    private let state: Mutex<State>
    private let share: Int

    /// - Parameters:
    ///   - bytes: The budget.
    ///   - share: Maximum per tenant.
    init(bytes: Int, share: Int = .max) {
        state = Mutex(State(available: bytes))
        self.share = share
    }

    /// Creates a budget from the limits: a quarter per tenant, but at least one request.
    convenience init(_ limits: IntakeLimits) {
        self.init(bytes: limits.totalBodyBytes, share: max(limits.bodyBytes, limits.totalBodyBytes / 4))
    }

    /// The current reservations.
    var use: Use { state.withLock { $0.use } }

    /// Runs `body` with bytes reserved.
    ///
    /// - Throws: ``Shortage`` without running `body`; errors of `body`.
    func withReserved<Result>(_ bytes: Int, for tenant: Tenant, _ body: () async throws -> Result) async throws -> Result {
        try reserve(bytes, for: tenant)
        defer { release(bytes, for: tenant) }
        return try await body()
    }

    /// Reserves bytes until ``release(_:for:)``.
    func reserve(_ bytes: Int, for tenant: Tenant) throws(Shortage) {
        let shortage = state.withLock { state -> Shortage? in
            let held = state.reserved[tenant, default: 0]
            if bytes > share - held { return .share }
            if bytes > state.available { return .budget }
            state.available -= bytes
            state.use.requests += 1
            state.use.bytes += bytes
            state.reserved[tenant] = held + bytes
            return nil
        }
        if let shortage { throw shortage }
    }

    /// Releases what was reserved for a request.
    func release(_ bytes: Int, for tenant: Tenant) {
        state.withLock { state in
            state.available += bytes
            state.use.requests -= 1
            state.use.bytes -= bytes
            let held = state.reserved[tenant, default: 0] - bytes
            state.reserved[tenant] = held > 0 ? held : nil
        }
    }
}
