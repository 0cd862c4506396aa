import AccessControl
import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Revoked tokens and open connections", .timeLimit(.minutes(3)))
struct RevocationTests {
    private static let farewell = "end token_revoked|<end>"

    private func revoke(_ bench: HubBench, _ target: Revocation.Target, tenant: Tenant = "acme") async {
        let revocation = Revocation(tenant: tenant, target: target, expiresAt: .max)
        bench.revocations.add(revocation)
        await bench.hub.end(revocation)
    }

    @Test("a jti ends the connections of its token in its tenant, and no other")
    func byTokenID() async throws {
        let bench = try HubBench()
        let revoked = try await bench.connect(tokenID: "a")
        let others = [
            try await bench.connect(tokenID: "b"), try await bench.connect(), try await bench.connect(tenant: "globex", tokenID: "a"),
        ]
        await self.revoke(bench, .token(TokenID("a")))
        let entries = [bench.append(try Fixture.entry(1)), bench.append(try Fixture.entry(2, tenant: "globex"))]
        #expect(await revoked.read { _ in false } == "head|open 0|" + Self.farewell)
        for (other, entry) in zip(others, [entries[0], entries[0], entries[1]]) {
            #expect(await other.read { $0.hasSuffix(Fixture.text(entry)) } == "head|open 0|" + Fixture.text(entry))
        }
        #expect(await eventually { bench.hub.counters.closesByKind[.tokenRevoked] == 1 })
    }

    @Test("a user's tokens end by the time of their issue; one without that time ends too")
    func byUser() async throws {
        let bench = try HubBench()
        let early = try await bench.connect(issuedAt: 999)
        let undated = try await bench.connect()
        let late = try await bench.connect(issuedAt: 1000)
        let other = try await bench.connect(user: "bob", issuedAt: 1)
        await self.revoke(bench, .user("ann", issuedBefore: 1000))
        let entry = Fixture.text(bench.append(try Fixture.entry(1)))
        for ended in [early, undated] { #expect(await ended.read { _ in false } == "head|open 0|" + Self.farewell) }
        for open in [late, other] { #expect(await open.read { $0.hasSuffix(entry) } == "head|open 0|" + entry) }
    }

    @Test("a connection that arrives after its token was revoked gets the reason, no event and no place")
    func arrivesLate() async throws {
        let bench = try HubBench()
        bench.append(try Fixture.entry(1))
        await self.revoke(bench, .token(TokenID("a")))
        let late = try await bench.connect(start: HubBench.after(0), tokenID: "a")
        let told = await late.read { _ in false }
        #expect(told == "head|" + Self.farewell)
        #expect(await eventually { bench.admissions.count == 0 })
        #expect(bench.hub.counters.connections.current == 0)
    }

    @Test("more connections than are ended at once all end; those of the same loop that are not concerned stay")
    func many() async throws {
        let bench = try HubBench()
        var revoked: [SocketPair] = []
        for _ in 0..<300 { revoked.append(try await bench.connect(tokenID: "a")) }
        let other = try await bench.connect(tokenID: "b")
        for client in revoked { #expect(await client.read { $0.hasSuffix("open 0|") } == "head|open 0|") }
        await self.revoke(bench, .token(TokenID("a")))
        let entry = Fixture.text(bench.append(try Fixture.entry(1)))
        for client in revoked { #expect(await client.read { _ in false } == Self.farewell) }
        #expect(await other.read { $0.hasSuffix(entry) } == "head|open 0|" + entry)
        #expect(await eventually { bench.hub.counters.closesByKind[.tokenRevoked] == 300 })
    }

    @Test("an event that was sent in part is finished, and none follows it")
    func inMidEntry() async throws {
        let bench = try HubBench { $0.linger = .seconds(30) }
        let client = try await bench.connect(tokenID: "a")
        let payload = #"{"incidentId":"a","pad":""# + String(repeating: "x", count: 50_000) + #""}"#
        let entries = try (1...60).map { try Fixture.entry(UInt64($0), payload: payload) }
        for entry in entries { bench.append(entry) }
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        await self.revoke(bench, .token(TokenID("a")))
        let text = await client.read { $0.hasSuffix("end token_revoked|") }
        let blocks = text.split(separator: "|").dropFirst(2).dropLast()
        #expect(text.hasSuffix("end token_revoked|"))
        #expect(blocks.map { "\($0)|" } == entries.prefix(blocks.count).map { Fixture.text($0) })
        #expect(blocks.count < entries.count)
    }
}
