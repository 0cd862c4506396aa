import Basics
import HTTPAPI

/// The shares of a tenant in what its requests cause (contract §14): requests to another's server, which may have agreed to none, and reads of the log.
/// For one process. Any thread.
struct EndpointShares: Sendable {
    private let pings: TenantRateLimiter
    private let tests: TenantRateLimiter
    private let replays: TenantRateLimiter

    /// - Parameters:
    ///   - pings: pings that become due because an endpoint is registered, enabled, or gets another URL.
    ///   - tests: tests and events that are sent again, which wait for their answers.
    ///   - replays: replays and their previews: each searches the log for a place, which may cost nats-server a scan of all it holds.
    init(
        pings: TenantRateLimiter,
        tests: TenantRateLimiter,
        replays: TenantRateLimiter = TenantRateLimiter(perSecond: 1, burst: 10)
    ) {
        self.pings = pings
        self.tests = tests
        self.replays = replays
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

    /// Counts a test, or an event that is sent again.
    ///
    /// - Throws: `rate_limited` beyond the share.
    func takeTest(_ tenant: Tenant) throws(APIError) {
        try Self.take(tests, tenant, "Your tenant has tested too many endpoints or sent too many events again")
    }

    /// Counts a replay, or the preview of one.
    ///
    /// - Throws: `rate_limited` beyond the share.
    func takeReplay(_ tenant: Tenant) throws(APIError) { try Self.take(replays, tenant, "Your tenant has requested too many replays") }

    private static func take(_ share: TenantRateLimiter, _ tenant: Tenant, _ fault: String) throws(APIError) {
        let verdict = share.admit(tenant)
        guard verdict.isAllowed else {
            throw .rateLimited("\(fault): send it again in \(verdict.secondsUntilNext) s.", retryAfter: verdict.secondsUntilNext)
        }
    }
}
