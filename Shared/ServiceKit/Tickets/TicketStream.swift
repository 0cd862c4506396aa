public import AccessControl
import Basics
public import EventLog
import FoundationEssentials
import NATSClient

/// The stream of tickets, `TICKETS` (contract §13): one message for each ticket that was issued, and one for each that was redeemed.
///
/// A ticket is redeemed by a create-once message, so that one of concurrent requests succeeds, over all processes. Messages are dropped by
/// age, and in a full stream oldest first. The redemption is the later message of a ticket, so it is dropped after the issue, without which
/// the ticket is unknown. Any thread.
public struct TicketStream: Sendable {
    private let stream: FollowedStream

    /// The stream, for ``WriteWatch``.
    public var store: SideStream { stream.store }

    /// How long messages are kept: longer than a ticket is valid, so that for some time an expired ticket is told from one that never was.
    public static let maximumAge: Duration = .seconds(60)
    /// Maximum size of the stream in bytes: some 100,000 tickets within ``maximumAge``.
    public static let maximumBytes: Int64 = 64 << 20
    private static let prefix = "tickets"

    /// What the server stores for a ticket besides the body of its draft, in bytes: subjects and headers of both messages, rounded up.
    private static let overhead = 512

    /// Describes the stream beside `log`; the first ticket creates it.
    public init(beside log: EventLog) {
        var configuration = StreamConfiguration(name: EventLogConfiguration.ticketsName, subjects: ["\(Self.prefix).*.*"])
        configuration.description = "Causeway: tickets of the last minute"
        configuration.maxAge = Self.maximumAge
        configuration.maxBytes = Self.maximumBytes
        stream = FollowedStream(SideStream(beside: log, configuration), beside: log)
    }

    /// A ticket that is not stored yet.
    public struct Draft: Sendable {
        /// The secret.
        public let ticket: Ticket
        /// From when on it is refused, in milliseconds since 1970 UTC: ``Ticket/lifetime`` from its issue, or the end of its token.
        public let expiresAt: Int64
        fileprivate let body: [UInt8]

        /// Draws a ticket for the bearer of a token.
        ///
        /// - Parameter now: milliseconds since 1970 UTC.
        /// - Throws: encoding errors.
        public init(for principal: Principal, at now: Int64) throws {
            ticket = .generate()
            expiresAt = min(now + Ticket.lifetime.milliseconds, principal.expiresAt.saturatingMilliseconds)
            body = try TicketRecord(principal, expiresAt: expiresAt).encoded()
        }

        /// What the ticket takes of the stream, with its redemption, in bytes.
        public var storedBytes: Int { body.count + TicketStream.overhead }
    }

    /// Stores a ticket under its hash. When this returns, it can be redeemed.
    ///
    /// - Parameter timeout: how long to retry through a short outage.
    /// - Throws: ``EventLogError``.
    public func store(_ draft: Draft, within timeout: Duration) async throws {
        // Create-once: a refused retry of a draft found the message of an earlier attempt.
        _ = try await stream.publish(
            subject: Self.subject(.issued, of: draft.ticket),
            payload: draft.body,
            expectedLastSubjectSequence: 0,
            within: timeout
        )
    }

    /// Redeems a ticket. Makes at most two requests to the bus.
    ///
    /// - Parameter now: milliseconds since 1970 UTC.
    /// - Returns: the outcome; ``TicketRedemption/unknown`` also for a message that is no record of a ticket.
    /// - Throws: ``EventLogError`` when the bus does not answer; the ticket may have been used.
    func redeem(_ ticket: Ticket, now: WallClock) async throws(EventLogError) -> TicketRedemption {
        guard let message = try await stream.lastMessage(on: Self.subject(.issued, of: ticket)), let record = TicketRecord(message.payload)
        else { return .unknown }
        guard now() < record.expiresAt else { return .expired }
        let acknowledgement: PublishAck?
        do throws(EventLogError) {
            acknowledgement = try await stream.store.publish(
                subject: Self.subject(.redeemed, of: ticket),
                payload: [],
                expectedLastSubjectSequence: 0
            )
        } catch {
            // In a cluster: another request's message is being stored, so that one of them succeeds.
            guard error.code == .busy else { throw error }
            acknowledgement = nil
        }
        guard acknowledgement != nil else { return .used }
        // Again, for a process that was suspended in between: the message of an earlier redemption may have been dropped meanwhile.
        return now() < record.expiresAt ? .redeemed(record.principal) : .expired
    }

    private enum Step: String {
        case issued = "ISSUED"
        case redeemed = "REDEEMED"
    }

    private static func subject(_ step: Step, of ticket: Ticket) -> String { "\(prefix).\(step.rawValue).\(ticket.digest)" }
}

extension Int64 {
    /// Seconds as milliseconds.
    fileprivate var saturatingMilliseconds: Int64 {
        let (milliseconds, overflow) = multipliedReportingOverflow(by: 1000)
        return overflow ? (self < 0 ? .min : .max) : milliseconds
    }
}
