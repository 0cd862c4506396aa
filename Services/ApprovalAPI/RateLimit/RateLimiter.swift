import Basics
import ServiceRuntime
import Synchronization

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

/// Counts each tenant's requests.
final class RateLimiter: Sendable {
    /// What a request is told.
    struct Verdict: Sendable, Equatable {
        var isAllowed: Bool
        /// Requests a minute.
        var limit: Int
        /// How many more may be made at once.
        var remaining: Int
        /// In how many seconds as many may be made at once as ever.
        var secondsUntilFull: Int
        /// In how many seconds the next one is allowed; 0 for now.
        var secondsUntilNext: Int
    }

    private let limit: RateLimit
    private let now: @Sendable () -> Duration
    private let buckets = Mutex<[Tenant: TokenBucket]>([:])

    /// How many tenants are remembered before those are forgotten whose buckets are full.
    private static let tidyAbove = 10_000

    /// - Parameters:
    ///   - limit: nil makes no limiter.
    ///   - now: the time, since any fixed moment.
    init?(_ limit: RateLimit?, now: (@Sendable () -> Duration)? = nil) {
        guard let limit else { return nil }
        self.limit = limit
        let start = ContinuousClock.now
        self.now = now ?? { ContinuousClock.now - start }
    }

    /// How many tenants are remembered.
    var count: Int { buckets.withLock { $0.count } }

    /// Counts a request. Any thread.
    func admit(tenant: Tenant) -> Verdict {
        let time = now()
        return buckets.withLock { buckets in
            if buckets.count >= Self.tidyAbove, buckets[tenant] == nil {
                // One that is full is as one that was never there.
                for (tenant, bucket) in buckets {
                    var bucket = bucket
                    if bucket.isFull(at: time) { buckets[tenant] = nil }
                }
            }
            var bucket = buckets[tenant] ?? TokenBucket(capacity: limit.burst, perSecond: Double(limit.perMinute) / 60, at: time)
            let isAllowed = bucket.take(at: time)
            buckets[tenant] = bucket
            return Verdict(
                isAllowed: isAllowed,
                limit: limit.perMinute,
                remaining: bucket.remaining,
                secondsUntilFull: bucket.secondsUntilFull,
                secondsUntilNext: bucket.secondsUntilNext
            )
        }
    }
}
