import Basics
import HTTPAPI

/// The shares of a tenant in pings that its requests cause (contract §14): each is a request to another's server, which may have agreed to none. For one
/// process. Any thread.
struct PingShares: Sendable {
    private let pings: TenantRateLimiter
    private let tests: TenantRateLimiter

    /// - Parameters:
    ///   - pings: pings that become due because an endpoint is registered, enabled, or gets another URL.
    ///   - tests: tests, which wait for their answers.
    init(pings: TenantRateLimiter, tests: TenantRateLimiter) {
        self.pings = pings
        self.tests = tests
    }

    /// Creates the shares of a process.
    ///
    /// - Parameter endpointsOfTenant: the most endpoints of a tenant: it can register or enable all of them at once.
    init(endpointsOfTenant: Int) {
        self.init(
            pings: TenantRateLimiter(perSecond: 1, burst: endpointsOfTenant),
            tests: TenantRateLimiter(perSecond: 1, burst: 10)
        )
    }

    /// Counts a ping that becomes due.
    ///
    /// - Throws: `rate_limited` beyond the share.
    func takePing(_ tenant: Tenant) throws(APIError) {
        try Self.take(pings, tenant, "Your tenant has registered or enabled endpoints, or changed their URLs, too often")
    }

    /// Counts a test.
    ///
    /// - Throws: `rate_limited` beyond the share.
    func takeTest(_ tenant: Tenant) throws(APIError) { try Self.take(tests, tenant, "Your tenant has tested too many endpoints") }

    private static func take(_ share: TenantRateLimiter, _ tenant: Tenant, _ fault: String) throws(APIError) {
        let verdict = share.admit(tenant)
        guard verdict.isAllowed else {
            throw .rateLimited("\(fault): send it again in \(verdict.secondsUntilNext) s.", retryAfter: verdict.secondsUntilNext)
        }
    }
}
