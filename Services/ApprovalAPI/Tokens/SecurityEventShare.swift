import Basics
import HTTPAPI
import Synchronization

/// Rate limit of the verified security events that a process stores: for each tenant and for all, separate from the limit of requests. Any
/// thread.
///
/// Tokens that are refused cost no more than refused access tokens and are not counted, so that nobody else can use up the issuer's share.
final class SecurityEventShare: Sendable {
    private let tenants: TenantRateLimiter
    private let total: Mutex<TokenBucket>
    private let now: @Sendable () -> Duration

    /// - Parameters:
    ///   - perSecond, burst: of a tenant.
    ///   - totalPerSecond, totalBurst: of all tenants together.
    ///   - now: Monotonic time since any fixed instant.
    init(
        perSecond: Double = 100,
        burst: Int = 1000,
        totalPerSecond: Double = 500,
        totalBurst: Double = 5000,
        now: @escaping @Sendable () -> Duration = SteadyTime.now
    ) {
        tenants = TenantRateLimiter(perSecond: perSecond, burst: burst, now: now)
        total = Mutex(TokenBucket(capacity: totalBurst, perSecond: totalPerSecond, at: now()))
        self.now = now
    }

    /// Admits an event of a tenant.
    ///
    /// - Throws: `rate_limited`; transmitters send it again (RFC 8935 §2.2).
    func admit(_ tenant: Tenant) throws(APIError) {
        let verdict = tenants.admit(tenant)
        let wait = verdict.isAllowed ? total.withLock { $0.take(at: now()) ? 0 : $0.seconds() } : verdict.secondsUntilNext
        guard wait == 0 else { throw .rateLimited("Too many security events arrive. Send this one again in \(wait) s.", retryAfter: wait) }
    }
}
