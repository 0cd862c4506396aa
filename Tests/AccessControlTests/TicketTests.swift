import Basics
import Logging
import Synchronization
import TestKit
import Testing

@testable import AccessControl

@Suite("Tickets")
struct TicketTests {
    private static let secret = "a secret of the tests, long enough for HS256"
    private let clock = TestClock()

    /// Gives a fixed outcome, and keeps the tickets that it was asked for.
    private final class FixedRedeemer: TicketRedeemer {
        let outcome: TicketRedemption
        let asked = Mutex<[Ticket]>([])

        init(_ outcome: TicketRedemption) { self.outcome = outcome }

        func redeem(_ ticket: Ticket, from client: ClientNetwork?) async -> TicketRedemption {
            asked.withLock { $0.append(ticket) }
            return outcome
        }
    }

    private static func principal(tokenID: String? = nil) throws -> Principal {
        Principal(
            user: "ann",
            tenant: "acme",
            roles: [.member],
            expiresAt: TestClock.start + 60,
            tokenID: try tokenID.map { try TokenID($0) },
            issuedAt: TestClock.start * 1000
        )
    }

    @Test func aTicketIsReadBackAndNoTwoAreAlike() throws {
        let tickets = (0..<1000).map { _ in Ticket.generate() }
        #expect(Set(tickets).count == 1000 && Set(tickets.map(\.digest)).count == 1000)
        for ticket in tickets.prefix(50) {
            #expect(ticket.text.wholeMatch(of: /tkt_[A-Za-z0-9_-]{43}/) != nil)
            #expect(Ticket(ticket.text) == ticket)
            #expect(ticket.digest.wholeMatch(of: /[0-9a-f]{64}/) != nil && !ticket.digest.contains(ticket.text.dropFirst(4)))
        }
    }

    @Test(arguments: [
        "", "tkt_", "tkt_abc", "TKT_\(zeros)", zeros, "tkt_\(zeros)A", "tkt_\(zeros.dropLast())", "tkt_\(zeros.dropLast())B",
        "tkt_\(zeros.dropLast())=", "tkt_\(zeros.dropLast())é", " tkt_\(zeros)",
    ])
    func anyOtherTextIsNoTicket(_ text: String) {
        #expect(Ticket(text) == nil)
    }

    /// 256 zero bits.
    private static let zeros = String(repeating: "A", count: 43)

    @Test func noDescriptionShowsATicket() {
        let ticket = Ticket.generate()
        var dumped = ""
        dump(ticket, to: &dumped)
        for text in ["\(ticket)", String(reflecting: ticket), "\([ticket])", dumped] { #expect(!text.contains(ticket.text.dropFirst(4))) }
    }

    @Test func aTicketStandsAlone() throws {
        #expect(try Credential(authorization: [], tickets: ["a"]) == .ticket("a"))
        #expect(try Credential(authorization: [], queryTokens: ["t"]) == .token("t"))
        #expect(try Credential(authorization: ["Bearer t"], queryTokens: ["u"], opensStream: false) == .token("t"))
        let refused: [(authorization: [String], tokens: [String], tickets: [String], opensStream: Bool)] = [
            (["Bearer t"], [], ["a"], true), ([], ["t"], ["a"], true), ([], [""], ["a"], true), ([], [], ["a", "b"], true),
            ([], [], ["a"], false), (["Bearer t"], [], ["a"], false), (["Bearer t"], [], [""], false),
        ]
        for (authorization, tokens, tickets, opensStream) in refused {
            let error = #expect(throws: AuthenticationError.self) {
                try Credential(authorization: authorization, queryTokens: tokens, tickets: tickets, opensStream: opensStream)
            }
            #expect(error?.reason == .malformed && error?.message.contains("ticket") == true)
        }
        #expect(throws: AuthenticationError.self) { try Credential(authorization: [], queryTokens: ["t"], opensStream: false) }
    }

    @Test(arguments: [
        (TicketRedemption.expired, AuthenticationError.Reason.expired), (.used, .usedTicket), (.unknown, .unknownTicket),
        (.unavailable, .ticketsUnavailable),
    ])
    func aRefusedTicketSaysWhy(_ outcome: TicketRedemption, _ reason: AuthenticationError.Reason) async throws {
        let authenticator = try await authenticator(FixedRedeemer(outcome))
        let ticket = Ticket.generate()
        let error = await #expect(throws: AuthenticationError.self) { try await Self.redeem(ticket.text, at: authenticator) }
        #expect(error?.reason == reason && error?.isRetriable == (outcome == .unavailable))
        #expect(error.map { !"\($0)".contains(ticket.text) } == true)
        #expect(authenticator.refusalsByReason == [reason: 1] && authenticator.ticketRefusalsByReason == [reason: 1])
        #expect(authenticator.redeemedTickets == 0)
    }

    @Test func aRedeemedTicketHasTheRightsOfItsToken() async throws {
        let principal = try Self.principal(tokenID: "a")
        let redeemer = FixedRedeemer(.redeemed(principal))
        let authenticator = try await authenticator(redeemer)
        let ticket = Ticket.generate()
        #expect(try await Self.redeem(ticket.text, at: authenticator) == principal)
        #expect(redeemer.asked.withLock { $0 } == [ticket])
        #expect(authenticator.redeemedTickets == 1 && authenticator.refusalsByReason.isEmpty)
        // A token is no ticket, and a ticket is no token.
        await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(ticket.text) }
        #expect(authenticator.authenticateAtOnce(ticket.text) == nil)
        #expect(authenticator.ticketRefusalsByReason.isEmpty)
    }

    @Test func aTicketOfARevokedTokenIsRefused() async throws {
        let revocations = Revocations(isRead: true)
        let authenticator = try await authenticator(FixedRedeemer(.redeemed(try Self.principal(tokenID: "a"))), revocations)
        revocations.add(Revocation(tenant: "acme", target: .token("a"), expiresAt: .max))
        let error = await #expect(throws: AuthenticationError.self) { try await Self.redeem(Ticket.generate().text, at: authenticator) }
        #expect(error?.reason == .revoked)
        #expect(authenticator.ticketRefusalsByReason == [.revoked: 1] && authenticator.redeemedTickets == 0)
    }

    @Test func whatIsNoTicketAsksNobody() async throws {
        let redeemer = FixedRedeemer(.unavailable)
        let authenticator = try await authenticator(redeemer)
        for text in ["", "x", Ticket.generate().text + "x"] {
            let error = await #expect(throws: AuthenticationError.self) { try await Self.redeem(text, at: authenticator) }
            #expect(error?.reason == .unknownTicket)
        }
        #expect(redeemer.asked.withLock { $0 }.isEmpty)
    }

    @Test(arguments: [
        ("/v1/stream?ticket=tkt_abc", "/v1/stream?ticket=<redacted>"),
        ("/v1/stream?a=1&%74icket=abc&b=2", "/v1/stream?a=1&%74icket=<redacted>&b=2"),
        ("/?TICKET=abc", "/?TICKET=<redacted>"),
        ("/tkt_\(zeros)/x", "/<redacted>/x"),
        ("/?tickt=tkt_\(zeros)", "/?tickt=<redacted>"),
        ("/?tickets=3&key=tkt_", "/?tickets=3&key=tkt_"),
    ])
    func aLoggedTargetShowsNoTicket(_ target: String, _ shown: String) {
        #expect(Redaction.redacted(target: target) == shown)
    }

    private static func redeem(_ text: String, at authenticator: Authenticator) async throws(AuthenticationError) -> Principal {
        try await authenticator.authenticate { () throws(AuthenticationError) in try Credential(authorization: [], tickets: [text]) }
    }

    private func authenticator(
        _ redeemer: any TicketRedeemer,
        _ revocations: Revocations = Revocations(isRead: true)
    ) async throws -> Authenticator {
        try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: Self.secret),
            revocations: revocations,
            tickets: redeemer,
            logger: Logger(label: "test"),
            now: clock.now
        )
    }
}
