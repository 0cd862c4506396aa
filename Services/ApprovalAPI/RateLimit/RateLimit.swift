import Basics
import ServiceKit

/// How many requests a tenant may make of one process.
struct RateLimit: Sendable, Equatable {
    /// Requests a minute in the long run; at least 1.
    var perMinute: Int
    /// Requests at once; at least 1.
    var burst: Int

    init(perMinute: Int, burst: Int) {
        self.perMinute = perMinute
        self.burst = burst
    }

    /// What the settings say; nil for no limit.
    init?(_ settings: Settings) {
        let perMinute = settings.integer(.rateLimit)
        guard perMinute > 0 else { return nil }
        let burst = settings.integer(.rateBurst)
        self.init(perMinute: perMinute, burst: burst > 0 ? burst : perMinute)
    }
}

extension TenantRateLimiter {
    /// Counts each tenant's requests.
    ///
    /// - Parameter now: the time since any fixed moment.
    convenience init(_ limit: RateLimit, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.init(perSecond: Double(limit.perMinute) / 60, burst: limit.burst, now: now)
    }
}
