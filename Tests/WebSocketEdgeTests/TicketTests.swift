import AccessControl
import Basics
import EdgeRuntime
import EdgeTestKit
import EventModel
import TestKit
import Testing

@testable import websocket_edge

/// Workspace streams that are opened by a ticket (contract §13), through both doors.
@Suite("Tickets of the workspace stream", .timeLimit(.minutes(5)))
struct TicketTests {
    private static func principal() -> Principal {
        Principal(user: "ann", tenant: "acme", roles: [], expiresAt: 1 << 40, tokenID: "a")
    }

    @Test func aTicketOpensOneConnectionThatEndsWithItsToken() async throws {
        try await WebSocketBench.run { bench in
            let ticket = bench.edge.tickets.issue(.redeemed(Self.principal()))
            let answer = try await bench.request("ticket=\(ticket)&workspace=acme")
            _ = await answer.frames(1)
            #expect(bench.edge.edge.statistics.quickOpenings == 0)
            let again = try await bench.request("ticket=\(ticket)&workspace=acme").refusal()
            #expect(again?.closeCode == 4401 && again?.closeReason.contains("used before") == true)
            try await bench.edge.revoke(.token("a"))
            #expect(await answer.frames(behindConnected: 1).map(\.closeCode) == [4401])
        }
    }

    @Test func aTicketBesideATokenIsRefusedAndStaysUnused() async throws {
        try await WebSocketBench.run { bench in
            let ticket = bench.edge.tickets.issue(.redeemed(Self.principal()))
            let token = try await bench.edge.token(roles: [])
            let both = "ticket=\(ticket)&workspace=acme"
            let others: [(query: String, fields: [String])] = [
                ("&token=\(token)", []), ("", ["Authorization: Bearer \(token)"]),
                ("", ["Sec-WebSocket-Protocol: causeway.v1, bearer.\(token)"]),
            ]
            for (query, fields) in others {
                #expect(try await bench.request(both + query, fields).refusal()?.closeCode == 4401)
            }
            #expect(try await bench.request(both).frames(1).first?.text.hasPrefix(#"{"type":"connected","#) == true)
        }
    }

    @Test func withoutTheBusItIsClosedAsAnyStream() async throws {
        try await WebSocketBench.run { bench in
            let ticket = bench.edge.tickets.issue(.unavailable)
            let refusal = try await bench.request("ticket=\(ticket)&workspace=acme").refusal()
            #expect(refusal?.closeCode == 1011 && refusal?.closeReason == Ending.Kind.unavailable.sentence)
        }
    }
}
