/// A ``TokenBucket`` for each tenant, all alike. A value; time is the caller's.
///
/// Buckets that are full again are forgotten, which is as if they had never been used; so memory is bounded by the tenants that are active at a
/// time, and by ``maximumCount`` in any case.
public struct TenantBuckets: Sendable {
    /// The most buckets. Beyond it half of the others are forgotten, whichever they are; their tenants are given full ones when they come again.
    public static let maximumCount = 100_000
    /// How many are kept before those are looked for that can be forgotten.
    private static let tidyAbove = 10_000

    private let capacity: Double
    private let rate: Double
    private var buckets: [Tenant: TokenBucket] = [:]
    private var tidyAt = Self.tidyAbove

    /// - Parameters:
    ///   - capacity: what each tenant may use at once; greater than 0.
    ///   - rate: what it may use in a second in the long run; greater than 0.
    public init(capacity: Double, perSecond rate: Double) {
        self.capacity = capacity
        self.rate = rate
    }

    /// How many tenants are remembered.
    public var count: Int { buckets.count }

    /// Gives `body` the tenant's bucket.
    public mutating func withBucket<Result>(of tenant: Tenant, at now: Duration, _ body: (inout TokenBucket) -> Result) -> Result {
        if buckets.count >= tidyAt, buckets[tenant] == nil { tidy(at: now) }
        return body(&buckets[tenant, default: TokenBucket(capacity: capacity, perSecond: rate, at: now)])
    }

    private mutating func tidy(at now: Duration) {
        buckets = buckets.filter { entry in
            var bucket = entry.value
            return !bucket.isFull(at: now)
        }
        // Many at once, so that a new tenant costs little here too.
        if buckets.count >= Self.maximumCount {
            buckets = Dictionary(uniqueKeysWithValues: buckets.prefix(Self.maximumCount / 2).map { ($0.key, $0.value) })
        }
        // Looked for again only when many have come, so that a new tenant costs little however many are remembered.
        tidyAt = min(max(Self.tidyAbove, 2 * buckets.count), Self.maximumCount)
    }
}
