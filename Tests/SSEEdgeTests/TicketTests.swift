import AccessControl
import Basics
import EdgeRuntime
import EdgeTestKit
import EventModel
import TestKit
import Testing

@testable import sse_edge

/// Streams that are opened by a ticket (contract §13), through both doors.
@Suite("Tickets of server-sent event streams", .timeLimit(.minutes(5)))
struct TicketTests {
    private static let notifications = "/v1/notifications/stream"

    private static func principal(roles: Set<Role> = [.member]) -> Principal {
        Principal(
            user: "ann",
            tenant: "acme",
            roles: roles,
            expiresAt: 1 << 40,
            tokenID: "a",
            issuedAt: 1000
        )
    }

    @Test func aTicketOpensOneStreamThatEndsWithItsToken() async throws {
        try await SSEBench.run { bench in
            let ticket = bench.edge.tickets.issue(.redeemed(Self.principal()))
            let target = "\(Self.notifications)?ticket=\(ticket)"
            let answer = try await bench.request(target, isAuthorized: false)
            #expect(answer.status == 200)
            let opening = await answer.text(until: "\n\n")
            // It has to wait for the bus, which no delivery loop does.
            #expect(bench.edge.edge.statistics.quickOpenings == 0)
            let again = try await bench.request(target, isAuthorized: false)
            #expect(again.status == 401)
            #expect(await again.body.contains("The ticket was used before"))
            try await bench.edge.publish()
            let event = await answer.text { $0.hasSuffix("\n\n") && $0.utf8.count > opening.utf8.count }
            #expect(event.contains("incident.created"))
            try await bench.edge.revoke(.token("a"))
            #expect(await answer.ended == event + "event: stream.end\ndata: {\"reason\":\"token_revoked\"}\n\n")
        }
    }

    /// Else a client without a proxy could spread its guesses over invented addresses.
    @Test(arguments: [("198.51.100.0/24", "127.0.0.1"), ("127.0.0.1", "192.0.2.7")])
    func onlyATrustedProxyTellsWhoSentATicket(proxy: String, sender: String) async throws {
        try await SSEBench.run(trustedProxies: TrustedProxies([proxy])) { bench in
            let target = "\(Self.notifications)?ticket=\(bench.edge.tickets.issue())"
            let answer = try await bench.request(target, isAuthorized: false, ["X-Forwarded-For: 192.0.2.7"])
            #expect(answer.status == 401)
            #expect(bench.edge.tickets.senders == [ClientNetwork(sender)])
        }
    }

    @Test func aTicketHasNoMoreRightsThanItsToken() async throws {
        try await SSEBench.run { bench in
            let ticket = bench.edge.tickets.issue(.redeemed(Self.principal(roles: [])))
            let attempt = try await bench.request("\(Self.notifications)?ticket=\(ticket)", isAuthorized: false)
            #expect(attempt.status == 403)
            // The attempt has used it.
            let again = try await bench.request("\(Self.notifications)?ticket=\(ticket)", isAuthorized: false)
            #expect(again.status == 401)
        }
    }

    @Test func aTicketBesideATokenIsRefusedAndStaysUnused() async throws {
        try await SSEBench.run { bench in
            let ticket = bench.edge.tickets.issue(.redeemed(Self.principal()))
            let both = try await bench.request("\(Self.notifications)?ticket=\(ticket)")
            #expect(both.status == 401)
            #expect(await both.body.contains("send exactly one"))
            #expect(try await bench.request("\(Self.notifications)?ticket=\(ticket)", isAuthorized: false).status == 200)
        }
    }

    @Test(arguments: [notifications, "/api/streaming/agents/planner/stream"])
    func withoutTheBusItIsRefusedAsAnyStream(path: String) async throws {
        try await SSEBench.run { bench in
            let ticket = bench.edge.tickets.issue(.unavailable, .unavailable)
            let answer = try await bench.request("\(path)?ticket=\(ticket)", isAuthorized: false)
            #expect(answer.status == 200 && answer.fields["content-type"] == "text/event-stream; charset=utf-8")
            #expect(retry(await answer.body, before: "event: stream.end\ndata: {\"reason\":\"unavailable\"}\n\n") != nil)
            let head = try await bench.request("\(path)?ticket=\(ticket)", method: "HEAD", isAuthorized: false)
            #expect(head.status == 200)
        }
    }
}
