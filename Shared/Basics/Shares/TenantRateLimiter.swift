import Synchronization

/// Counts what each tenant asks of one process, and says whether it is within its share. Any thread.
public final class TenantRateLimiter: Sendable {
    /// What one use is told.
    public struct Verdict: Sendable, Equatable {
        public var isAllowed: Bool
        /// How many more may come at once.
        public var remaining: Int
        /// In how many seconds as many may come at once as ever.
        public var secondsUntilFull: Int
        /// In how many seconds the next one is allowed; 0 for now.
        public var secondsUntilNext: Int

        public init(isAllowed: Bool, remaining: Int, secondsUntilFull: Int, secondsUntilNext: Int) {
            self.isAllowed = isAllowed
            self.remaining = remaining
            self.secondsUntilFull = secondsUntilFull
            self.secondsUntilNext = secondsUntilNext
        }
    }

    private let now: @Sendable () -> Duration
    private let buckets: Mutex<TenantBuckets>

    /// - Parameters:
    ///   - perSecond: uses a second in the long run; greater than 0.
    ///   - burst: uses at once; at least 1.
    ///   - now: the time since any fixed moment.
    public init(perSecond: Double, burst: Int, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.now = now
        buckets = Mutex(TenantBuckets(capacity: Double(burst), perSecond: perSecond))
    }

    /// How many tenants are remembered.
    public var count: Int { buckets.withLock { $0.count } }

    /// Counts one use.
    public func admit(_ tenant: Tenant) -> Verdict {
        let time = now()
        return buckets.withLock { buckets in
            buckets.withBucket(of: tenant, at: time) { bucket in
                let isAllowed = bucket.take(at: time)
                return Verdict(
                    isAllowed: isAllowed,
                    remaining: bucket.remaining,
                    secondsUntilFull: bucket.secondsUntilFull,
                    secondsUntilNext: bucket.seconds()
                )
            }
        }
    }
}
