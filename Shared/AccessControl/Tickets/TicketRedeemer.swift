public import Basics

/// Redeems tickets for an ``Authenticator``. Any thread.
public protocol TicketRedeemer: Sendable {
    /// Redeems a ticket: of concurrent calls for one ticket, in any process, exactly one gets ``TicketRedemption/redeemed(_:)``. Waits for
    /// the bus, for a bounded time.
    ///
    /// - Parameter client: who sent it; nil when unknown. Those who guess tickets have a share.
    func redeem(_ ticket: Ticket, from client: ClientNetwork?) async -> TicketRedemption
}

/// The outcome of redeeming a ticket.
public enum TicketRedemption: Sendable, Hashable {
    /// The ticket was valid, and is used now. The principal is that of the token it was issued for, which may have been revoked: the caller
    /// checks that.
    case redeemed(Principal)
    /// The ticket or its token has expired.
    case expired
    /// It was redeemed before.
    case used
    /// It was never issued, or so long ago that its record is gone.
    case unknown
    /// The bus did not answer; the ticket may have been used. Or too many tickets are checked; it was not.
    case unavailable
}
