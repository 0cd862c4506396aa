import AccessControl
import Basics
import HTTPAPI
import Synchronization

/// Rate limit of the verified security events that a process stores: for each tenant and for all, separate from the limit of requests. Any
/// thread.
///
/// Tokens that are refused cost no more than refused access tokens and are not counted, so that nobody else can use up the issuer's share. Tokens that
/// revoke nothing new are counted apart for the same reason: a security event token has no end, and everybody who has seen it can repeat it.
final class SecurityEventShare: Sendable {
    private struct Part {
        let tenants: TenantRateLimiter
        var total: TokenBucket
    }

    private let news: Mutex<Part>
    private let repetitions: Mutex<Part>
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
        func part() -> Part {
            Part(
                tenants: TenantRateLimiter(perSecond: perSecond, burst: burst, now: now),
                total: TokenBucket(capacity: totalBurst, perSecond: totalPerSecond, at: now())
            )
        }
        news = Mutex(part())
        repetitions = Mutex(part())
        self.now = now
    }

    /// Admits an event, as a repetition if it revokes nothing new.
    ///
    /// - Parameter known: what is revoked already.
    /// - Throws: `rate_limited`; transmitters send it again (RFC 8935 §2.2).
    func admit(_ revocation: Revocation, knowing known: Revocations) throws(APIError) {
        let tenant = revocation.tenant
        let wait =
            known.cover(revocation)
            ? repetitions.withLock { secondsToWait(of: tenant, in: &$0) } : news.withLock { secondsToWait(of: tenant, in: &$0) }
        guard wait == 0 else { throw .rateLimited("Too many security events arrive. Send this one again in \(wait) s.", retryAfter: wait) }
    }

    private func secondsToWait(of tenant: Tenant, in part: inout Part) -> Int {
        let verdict = part.tenants.admit(tenant)
        guard verdict.isAllowed else { return verdict.secondsUntilNext }
        return part.total.take(at: now()) ? 0 : part.total.seconds()
    }
}
