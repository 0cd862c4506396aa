public import Basics

/// The request rate limit of each tenant, per process.
public struct RateLimit: Sendable, Equatable {
    /// Sustained requests per minute; at least 1.
    public var perMinute: Int
    /// Maximum burst of requests; at least 1.
    public var burst: Int

    /// Creates a limit.
    public init(perMinute: Int, burst: Int) {
        self.perMinute = perMinute
        self.burst = burst
    }

    /// Reads the settings `rate.limit` and `rate.burst`; nil for no limit.
    public init?(_ settings: Settings) {
        let perMinute = settings[.rateLimit]
        guard perMinute > 0 else { return nil }
        let burst = settings[.rateBurst]
        self.init(perMinute: perMinute, burst: burst > 0 ? burst : perMinute)
    }
}

extension TenantRateLimiter {
    /// Creates a limiter with this limit for each tenant.
    ///
    /// - Parameter now: the time since any fixed moment.
    public convenience init(_ limit: RateLimit, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.init(perSecond: Double(limit.perMinute) / 60, burst: limit.burst, now: now)
    }
}
