import Basics
import ServiceKit

/// The request rate limit of each tenant, per process.
struct RateLimit: Sendable, Equatable {
    /// Sustained requests per minute; at least 1.
    var perMinute: Int
    /// Maximum burst of requests; at least 1.
    var burst: Int

    init(perMinute: Int, burst: Int) {
        self.perMinute = perMinute
        self.burst = burst
    }

    /// Reads the settings; nil for no limit.
    init?(_ settings: Settings) {
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
    convenience init(_ limit: RateLimit, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.init(perSecond: Double(limit.perMinute) / 60, burst: limit.burst, now: now)
    }
}
