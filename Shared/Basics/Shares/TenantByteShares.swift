import Synchronization

/// Limits each tenant's share of the bytes of a stream that all tenants use, for one process. Any thread.
///
/// A tenant may take its share at once, and again in the time for which the stream keeps what it stored.
public final class TenantByteShares: Sendable {
    /// The age that counts for a stream that drops nothing by age: a tenant may take its share once.
    public static let ageWithoutExpiry: Duration = .seconds(3650 * 86_400)

    private let buckets: Mutex<TenantBuckets>
    private let now: @Sendable () -> Duration

    /// Creates full shares.
    ///
    /// - Parameters:
    ///   - bytes: a tenant's share; greater than 0.
    ///   - age: how long the stream keeps what is stored; greater than 0.
    ///   - now: monotonic time since any fixed instant.
    public init(_ bytes: Int64, in age: Duration, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        buckets = Mutex(TenantBuckets(capacity: Double(bytes), perSecond: Double(bytes) / (age / .seconds(1))))
        self.now = now
    }

    /// Takes `bytes` of a tenant's share. Returns nil, or after how many seconds there is enough of it again.
    public func take(_ bytes: Int, of tenant: Tenant) -> Int? {
        let time = now()
        return buckets.withLock { buckets in
            buckets.withBucket(of: tenant, at: time) { bucket in
                bucket.take(Double(bytes), at: time) ? nil : bucket.seconds(until: Double(bytes))
            }
        }
    }
}
