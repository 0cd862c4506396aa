import Basics
import HTTPAPI

/// The shares of a tenant in what its requests cause (contract §14): requests to another's server, which may have agreed to none, and reads of the log.
/// For one process. Any thread.
struct EndpointShares: Sendable {
    private let pings: TenantRateLimiter
    private let tests: TenantRateLimiter
    private let counts: TenantRateLimiter
    /// Searches of the log for the places of replays, one of a tenant at a time: each may cost nats-server a look at all that the log holds.
    let searches = TenantTurns(limit: 1)

    /// - Parameters:
    ///   - pings: pings that become due because an endpoint is registered, enabled, or gets another URL.
    ///   - tests: tests and events that are sent again, which wait for their answers.
    ///   - counts: events that are counted for a replay.
    init(
        pings: TenantRateLimiter,
        tests: TenantRateLimiter,
        counts: TenantRateLimiter = TenantRateLimiter(perSecond: 1, burst: 10)
    ) {
        self.pings = pings
        self.tests = tests
        self.counts = counts
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

    /// Counts a read of the log for what a replay would send.
    ///
    /// - Throws: `rate_limited` beyond the share.
    func takeCount(_ tenant: Tenant) throws(APIError) { try Self.take(counts, tenant, "Your tenant has counted too many replays") }

    private static func take(_ share: TenantRateLimiter, _ tenant: Tenant, _ fault: String) throws(APIError) {
        let verdict = share.admit(tenant)
        guard verdict.isAllowed else {
            throw .rateLimited("\(fault): send it again in \(verdict.secondsUntilNext) s.", retryAfter: verdict.secondsUntilNext)
        }
    }
}
