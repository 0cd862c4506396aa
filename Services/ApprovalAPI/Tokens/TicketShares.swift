import Basics
import ServiceKit

extension TenantByteShares {
    /// Each tenant's share of the stream of tickets.
    ///
    /// Counts bytes, because a ticket is stored with the claims of its token; ``RateLimitMiddleware`` limits the number of requests. Through one process, a
    /// tenant can fill an eighth of the stream within the time for which tickets are stored.
    static func ofTickets(now: @escaping @Sendable () -> Duration = SteadyTime.now) -> TenantByteShares {
        TenantByteShares(Int64(TicketStream.maximumBytes / 16), in: TicketStream.maximumAge, now: now)
    }
}
