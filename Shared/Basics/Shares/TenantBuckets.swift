/// A ``TokenBucket`` per tenant. A value; the caller supplies the time.
///
/// Full buckets are dropped, which is equivalent to never used; memory is bounded by the number of active tenants and by ``maximumCount``.
public struct TenantBuckets: Sendable {
    /// Maximum number of buckets. Beyond it an arbitrary half is dropped; their tenants start with full ones.
    public static let maximumCount = 100_000
    /// Number of buckets at which full ones are dropped.
    private static let tidyAbove = 10_000

    private let capacity: Double
    private let rate: Double
    private var buckets: [Tenant: TokenBucket] = [:]
    private var tidyAt = Self.tidyAbove

    /// - Parameters:
    ///   - capacity: Burst per tenant; greater than 0.
    ///   - rate: Tokens per second and tenant; greater than 0.
    public init(capacity: Double, perSecond rate: Double) {
        self.capacity = capacity
        self.rate = rate
    }

    /// Number of buckets.
    public var count: Int { buckets.count }

    /// Calls `body` with the tenant's bucket.
    public mutating func withBucket<Result>(of tenant: Tenant, at now: Duration, _ body: (inout TokenBucket) -> Result) -> Result {
        if buckets.count >= tidyAt, buckets[tenant] == nil { tidy(at: now) }
        return body(&buckets[tenant, default: TokenBucket(capacity: capacity, perSecond: rate, at: now)])
    }

    /// Returns the number of whole tokens that the tenant has left.
    public func remaining(of tenant: Tenant, at now: Duration) -> Int {
        buckets[tenant]?.remaining(at: now) ?? Int(capacity)
    }

    private mutating func tidy(at now: Duration) {
        buckets = buckets.filter { entry in
            var bucket = entry.value
            return !bucket.isFull(at: now)
        }
        // In bulk, so that the amortized cost of a new tenant is low.
        if buckets.count >= Self.maximumCount {
            buckets = Dictionary(uniqueKeysWithValues: buckets.prefix(Self.maximumCount / 2).map { ($0.key, $0.value) })
        }
        // Next clean-up after doubling, so that the amortized cost of a new tenant is low.
        tidyAt = min(max(Self.tidyAbove, 2 * buckets.count), Self.maximumCount)
    }
}
