public import AccessControl
public import Basics
import Synchronization

/// Tickets of a test: each has the outcomes that the test gave it, one for each use.
public final class PreparedTickets: TicketRedeemer {
    private let outcomes = Mutex<[Ticket: [TicketRedemption]]>([:])
    private let seen = Mutex<[ClientNetwork?]>([])

    /// Creates an empty set, for which every ticket is unknown.
    public init() {}

    /// Returns a new ticket.
    ///
    /// - Parameter outcomes: of its uses, in order; ``TicketRedemption/used`` afterwards.
    public func issue(_ outcomes: TicketRedemption...) -> String {
        let ticket = Ticket.generate()
        self.outcomes.withLock { $0[ticket] = outcomes }
        return ticket.text
    }

    /// Those who sent tickets, in order.
    public var senders: [ClientNetwork?] { seen.withLock { $0 } }

    public func redeem(_ ticket: Ticket, from client: ClientNetwork?) async -> TicketRedemption {
        seen.withLock { $0.append(client) }
        return outcomes.withLock { outcomes in
            guard let left = outcomes[ticket] else { return .unknown }
            outcomes[ticket] = Array(left.dropFirst())
            return left.first ?? .used
        }
    }
}
