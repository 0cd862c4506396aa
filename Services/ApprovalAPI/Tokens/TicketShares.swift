import Basics
import ServiceKit
import Synchronization

/// Limits each tenant's share of the stream of tickets, which all tenants use. Any thread.
///
/// Counts bytes, because a ticket is stored with the claims of its token; ``RateLimitMiddleware`` limits the number of requests. Each
/// process has separate shares: through one process, a tenant can fill an eighth of the stream within the time for which tickets are
/// stored.
final class TicketShares: Sendable {
    /// Bytes at once.
    private static let burst = Double(TicketStream.maximumBytes / 16)

    private let buckets = Mutex(TenantBuckets(capacity: burst, perSecond: burst / (TicketStream.maximumAge / .seconds(1))))
    private let now: @Sendable () -> Duration

    /// Creates full shares.
    ///
    /// - Parameter now: monotonic time since any fixed instant.
    init(now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.now = now
    }

    /// Takes a tenant's share of `bytes`. Returns nil, or after how many seconds the next ticket is allowed.
    func take(_ bytes: Int, of tenant: Tenant) -> Int? {
        let time = now()
        return buckets.withLock { buckets in
            buckets.withBucket(of: tenant, at: time) { bucket in
                bucket.take(Double(bytes), at: time) ? nil : bucket.seconds(until: Double(bytes))
            }
        }
    }
}
