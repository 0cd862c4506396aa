import Basics
import HTTPAPI
import Synchronization

/// Limits what the routes for administrators cost: surveys and counts of the log. Any thread.
///
/// A tenant has one under way, and a few that wait for it; it has a rate, because each answer costs every edge a look at its connections.
final class AdministrationShare: Sendable {
    /// The most requests of a tenant, the one under way included.
    static let maximumOfTenant = 4
    /// The most requests of all tenants.
    static let maximumOfAll = 64

    private struct Counts {
        var all = 0
        var tenants: [Tenant: Int] = [:]
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
    var count: Int { counts.withLock { $0.all } }

    /// Runs `body` in the tenant's turn.
    ///
    /// - Throws: `rate_limited` beyond the tenant's share, `service_unavailable` beyond that of all tenants, and errors of `body`.
    func run<Value: Sendable>(for tenant: Tenant, _ body: () async throws -> Value) async throws -> Value {
        let verdict = limiter.admit(tenant)
        guard verdict.isAllowed else { throw Self.tooMany(retryAfter: verdict.secondsUntilNext) }
        let refusal: APIError? = counts.withLock { counts in
            guard counts.tenants[tenant, default: 0] < Self.maximumOfTenant else { return Self.tooMany(retryAfter: 1) }
            guard counts.all < Self.maximumOfAll else {
                return .serviceUnavailable("Too many admins ask at the same time. Retry in 1 s.", retryAfter: 1)
            }
            counts.all += 1
            counts.tenants[tenant, default: 0] += 1
            return nil
        }
        if let refusal { throw refusal }
        defer {
            counts.withLock { counts in
                counts.all -= 1
                let left = (counts.tenants[tenant] ?? 1) - 1
                counts.tenants[tenant] = left > 0 ? left : nil
            }
        }
        return try await turns.run(for: tenant, body)
    }

    private static func tooMany(retryAfter seconds: Int) -> APIError {
        .rateLimited(
            "Your tenant's admins have asked for connections, usage and log too often: one request is answered at a time. Retry in \(seconds) s.",
            retryAfter: seconds
        )
    }
}
