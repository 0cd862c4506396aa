import Synchronization

/// Rate limiter per tenant for one process. Any thread.
public final class TenantRateLimiter: Sendable {
    /// The decision on one use.
    public struct Verdict: Sendable, Equatable {
        /// Whether the use is within the limit.
        public var isAllowed: Bool
        /// Number of uses left in the burst.
        public var remaining: Int
        /// Seconds until the burst is full again.
        public var secondsUntilFull: Int
        /// Seconds until the next use is allowed; 0 for now.
        public var secondsUntilNext: Int

        /// Creates a verdict.
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
    ///   - perSecond: Uses per second; greater than 0.
    ///   - burst: Maximum burst; at least 1.
    ///   - now: Monotonic time since any fixed instant.
    public init(perSecond: Double, burst: Int, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.now = now
        buckets = Mutex(TenantBuckets(capacity: Double(burst), perSecond: perSecond))
    }

    /// Number of tenants with a bucket.
    public var count: Int { buckets.withLock { $0.count } }

    /// Returns the number of uses that the tenant has left now; takes none.
    public func remaining(of tenant: Tenant) -> Int {
        let time = now()
        return buckets.withLock { $0.remaining(of: tenant, at: time) }
    }

    /// Takes one token for a use.
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
