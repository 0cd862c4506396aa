import Basics
import HTTPAPI
import Synchronization

/// Limits what the routes for administrators cost: surveys and counts of the log. Any thread.
///
/// A tenant has one under way, and a few that wait for it; it has a rate, because each answer costs every edge a look at its connections.
final class AdministrationShare: Sendable {
    /// The most requests of a tenant, the one under way included.
    static let maximumOfTenant = 8
    /// The most requests under way, of all tenants.
    static let maximumUnderWay = 64

    private struct Counts {
        var underWay = 0
        var tenants: [Tenant: Int] = [:]

        mutating func admit(_ tenant: Tenant) -> Bool {
            guard tenants[tenant, default: 0] < maximumOfTenant else { return false }
            tenants[tenant, default: 0] += 1
            return true
        }

        mutating func leave(_ tenant: Tenant) {
            let left = (tenants[tenant] ?? 1) - 1
            tenants[tenant] = left > 0 ? left : nil
        }

        mutating func begin() -> Bool {
            guard underWay < maximumUnderWay else { return false }
            underWay += 1
            return true
        }
    }

    private let limiter: TenantRateLimiter
    private let turns = TenantTurns(limit: 1)
    private let counts = Mutex(Counts())

    /// - Parameters:
    ///   - perSecond: requests of a tenant in the long run.
    ///   - burst: the most at once.
    ///   - now: the time since any fixed moment.
    init(perSecond: Double = 2, burst: Int = 20, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        limiter = TenantRateLimiter(perSecond: perSecond, burst: burst, now: now)
    }

    /// The number of requests under way and waiting, of all tenants.
    var count: Int { counts.withLock { $0.tenants.values.reduce(0, +) } }

    /// The number of requests under way, of all tenants.
    var underWay: Int { counts.withLock { $0.underWay } }

    /// Runs `body` in the tenant's turn.
    ///
    /// - Throws: `rate_limited` beyond the tenant's share, `service_unavailable` beyond that of all tenants, and errors of `body`.
    func run<Value: Sendable>(for tenant: Tenant, _ body: () async throws -> Value) async throws -> Value {
        let verdict = limiter.admit(tenant)
        guard verdict.isAllowed else { throw Self.tooMany(retryAfter: verdict.secondsUntilNext) }
        guard counts.withLock({ $0.admit(tenant) }) else { throw Self.tooMany(retryAfter: 1) }
        defer { counts.withLock { $0.leave(tenant) } }
        // Those that wait for their tenant's turn take no place of other tenants.
        return try await turns.run(for: tenant) {
            guard counts.withLock({ $0.begin() }) else {
                throw APIError.serviceUnavailable("Too many admins ask at the same time. Retry in 1 s.", retryAfter: 1)
            }
            defer { counts.withLock { $0.underWay -= 1 } }
            return try await body()
        }
    }

    private static func tooMany(retryAfter seconds: Int) -> APIError {
        .rateLimited(
            "Your tenant's admins have asked for connections, usage and log too often: one request is answered at a time. Retry in \(seconds) s.",
            retryAfter: seconds
        )
    }
}
