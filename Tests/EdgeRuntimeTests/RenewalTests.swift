import AccessControl
import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Renewed tokens of open connections", .timeLimit(.minutes(3)))
struct RenewalTests {
    /// A surface without conversations, on which `token <x>` renews.
    private static let inbound = Inbound.webSocket(
        WebSocketRules(),
        renewals: RenewalReader { text in
            let words = String(decoding: text, as: UTF8.self).split(separator: " ")
            return words.count == 2 && words[0] == "token" ? String(words[1]) : nil
        }
    )
    private static let first = ConnectionHandle(slot: 0, generation: 0)

    private func text(_ text: String) -> [UInt8] { [0x81, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8) }

    /// Returns the opening of a connection whose token expires at second 1005.
    private func connect(
        _ bench: HubBench,
        start: StreamStart = .live,
        tokenID: String? = nil,
        inbound: Inbound = inbound
    ) async throws -> SocketPair {
        let client = try await bench.connect(start: start, expiresAt: 1005, tokenID: tokenID, inbound: inbound)
        _ = await client.read { $0.contains("open") && $0.hasSuffix("|") }
        return client
    }

    /// Sets the clock, and returns once the hub has ended the connections that expire by then.
    private func advance(_ bench: HubBench, to second: Int64) async throws {
        let witness = try await bench.connect(user: "witness", expiresAt: second)
        bench.clock.now.store(second, ordering: .relaxed)
        #expect(await witness.read { _ in false }.hasSuffix("end token_expired|<end>"))
    }

    private func expectNext(_ bench: HubBench, _ sequence: UInt64, at client: SocketPair) async throws {
        let entry = Fixture.text(bench.append(try Fixture.entry(sequence)))
        #expect(await client.read { $0.hasSuffix(entry) } == entry)
    }

    private func renew(_ bench: HubBench, _ token: String, at client: SocketPair, until second: Int64) async {
        client.send(bytes: self.text("token \(token)"))
        #expect(await client.read { $0.hasSuffix("|") } == "renewed until \(second)|")
    }

    /// Sends a token whose verification is held, and returns once it has begun.
    private func beginRenewal(_ bench: HubBench, _ token: String, at client: SocketPair) async {
        bench.tokens.hold()
        client.send(bytes: self.text("token \(token)"))
        #expect(await eventually { bench.tokens.asked == [token] })
    }

    private func revoke(_ bench: HubBench, _ tokenID: TokenID) async {
        let revocation = Revocation(tenant: "acme", target: .token(tokenID), expiresAt: .max)
        bench.revocations.add(revocation)
        await bench.hub.end(revocation)
    }

    // MARK: Expiry

    @Test("a connection lives until the new token's expiry, and goes on where it was")
    func movesTheExpiry() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1010)
        try bench.tokens.accept("b", expiresAt: 1015)
        await self.renew(bench, "a", at: client, until: 1010)
        try await self.advance(bench, to: 1009)
        try await self.expectNext(bench, 1, at: client)
        await self.renew(bench, "b", at: client, until: 1015)
        try await self.advance(bench, to: 1014)
        try await self.expectNext(bench, 2, at: client)
        bench.clock.now.store(1015, ordering: .relaxed)
        #expect(await client.read { $0.hasSuffix("|") } == "end token_expired|")
        #expect(bench.hub.counters.renewalsByOutcome == [.renewed: 2])
    }

    @Test("a new token may expire earlier")
    func earlier() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1002)
        await self.renew(bench, "a", at: client, until: 1002)
        bench.clock.now.store(1002, ordering: .relaxed)
        #expect(await client.read { $0.hasSuffix("|") } == "end token_expired|")
    }

    @Test("an expiry while the new token is being verified waits for the verdict, and the stream goes on")
    func expiresMeanwhile() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1010)
        await self.beginRenewal(bench, "a", at: client)
        try await self.advance(bench, to: 1006)
        try await self.expectNext(bench, 1, at: client)
        bench.tokens.letGo()
        #expect(await client.read { $0.hasSuffix("|") } == "renewed until 1010|")
        try await self.expectNext(bench, 2, at: client)
        bench.clock.now.store(1010, ordering: .relaxed)
        #expect(await client.read { $0.hasSuffix("|") } == "end token_expired|")
    }

    @Test(
        "after an expiry that waited, a token that is not accepted or cannot be verified ends the connection",
        arguments: [.expired, .keysUnavailable] as [AuthenticationError.Reason]
    )
    func expiresForGood(_ reason: AuthenticationError.Reason) async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        bench.tokens.refuse("a", reason)
        await self.beginRenewal(bench, "a", at: client)
        try await self.advance(bench, to: 1006)
        bench.tokens.letGo()
        #expect(await client.read { $0.hasSuffix("|") } == "end token_expired|")
    }

    @Test(
        "an expiry that waited is not forgotten if the clock is then set back",
        arguments: [nil, .keysUnavailable] as [AuthenticationError.Reason?]
    )
    func clockSetBack(_ reason: AuthenticationError.Reason?) async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        if let reason { bench.tokens.refuse("a", reason) } else { try bench.tokens.accept("a", expiresAt: 1005) }
        await self.beginRenewal(bench, "a", at: client)
        try await self.advance(bench, to: 1006)
        bench.clock.now.store(1000, ordering: .relaxed)
        bench.tokens.letGo()
        #expect(await client.read { $0.hasSuffix("|") } == "end token_expired|")
    }

    @Test("a new token that expired while it was verified is not accepted")
    func expiredOnArrival() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1004)
        await self.beginRenewal(bench, "a", at: client)
        bench.clock.now.store(1004, ordering: .relaxed)
        bench.tokens.letGo()
        #expect(await client.read { $0.hasSuffix("|") } == "end token_expired|")
        #expect(bench.hub.counters.renewalsByOutcome == [.refused: 1])
    }

    // MARK: Revocation

    @Test("after a renewal, revoking the first token changes nothing, and revoking the second ends the connection")
    func revokedAfterwards() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench, tokenID: "old")
        try bench.tokens.accept("a", expiresAt: 1010, tokenID: "new")
        await self.renew(bench, "a", at: client, until: 1010)
        await self.revoke(bench, "old")
        try await self.expectNext(bench, 1, at: client)
        await self.revoke(bench, "new")
        bench.append(try Fixture.entry(2))
        #expect(await client.read { $0.hasSuffix("|") } == "end token_revoked|")
    }

    @Test("a user's revocation is compared with the time at which the new token was issued")
    func revokedByUser() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1010, issuedAt: 900)
        await self.renew(bench, "a", at: client, until: 1010)
        for (issuedBefore, isLast) in [(Int64(900), false), (901, true)] {
            let revocation = Revocation(tenant: "acme", target: .user("ann", issuedBefore: issuedBefore), expiresAt: .max)
            bench.revocations.add(revocation)
            await bench.hub.end(revocation)
            if !isLast { try await self.expectNext(bench, 1, at: client) }
        }
        #expect(await client.read { $0.hasSuffix("|") } == "end token_revoked|")
    }

    @Test("a revocation between verification and switch counts, of the new token and of the old", arguments: ["new", "old"])
    func revokedMeanwhile(_ revoked: String) async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench, tokenID: "old")
        try bench.tokens.accept("a", expiresAt: 1010, tokenID: "new")
        await self.beginRenewal(bench, "a", at: client)
        await self.revoke(bench, try TokenID(revoked))
        bench.tokens.letGo()
        #expect(await client.read { $0.hasSuffix("|") } == "end token_revoked|")
        #expect(bench.hub.counters.renewalsByOutcome[.renewed] == nil)
    }

    // MARK: What is not accepted

    @Test("a token of another user or tenant, or one that is not valid, ends the connection with the reason")
    func refused() async throws {
        let bench = try HubBench()
        try bench.tokens.accept("user", user: "bob", expiresAt: 1010)
        try bench.tokens.accept("tenant", tenant: "globex", expiresAt: 1010)
        bench.tokens.refuse("key", .unknownKey)
        for (token, reason) in [("user", "another user or tenant"), ("tenant", "another user or tenant"), ("key", "refused by the test")] {
            let client = try await self.connect(bench)
            client.send(bytes: self.text("token \(token)"))
            let bytes = await client.readBytes()
            // 1008: the endings of the fixture are the relay's.
            #expect(bytes.first == 0x88 && Array(bytes.dropFirst(2).prefix(2)) == [0x03, 0xF0])
            #expect(String(decoding: bytes.dropFirst(4), as: UTF8.self).contains(reason))
        }
        #expect(bench.hub.counters.renewalsByOutcome == [.otherUser: 2, .refused: 1])
        #expect(await eventually { bench.hub.counters.closesByKind == [.unauthorized: 3] })
    }

    @Test("a token that cannot be verified now ends a surface that has no other answer as a fault of the server")
    func unavailable() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        bench.tokens.refuse("a", .keysUnavailable)
        client.send(bytes: self.text("token a"))
        _ = await client.readBytes()
        #expect(await eventually { bench.hub.counters.closesByKind == [.internalError: 1] })
        #expect(bench.hub.counters.renewalsByOutcome == [.unavailable: 1])
    }

    @Test("a second token before the answer ends the connection; one at a time is verified")
    func flood() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1010)
        bench.tokens.hold()
        client.send(bytes: self.text("token a") + self.text("token a") + self.text("token a"))
        let bytes = await client.readBytes()
        #expect(Array(bytes.dropFirst(2).prefix(2)) == [0x03, 0xF0])
        #expect(await eventually { bench.hub.counters.closesByKind == [.tooManyMessages: 1] })
        #expect(await eventually { bench.tokens.asked == ["a"] })
        bench.tokens.letGo()
        #expect(bench.hub.counters.renewalsByOutcome == [.underWay: 1])
    }

    @Test("a client that leaves while its token is verified leaves nothing behind")
    func leaves() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1010)
        await self.beginRenewal(bench, "a", at: client)
        let connection = try #require(await bench.hub.connection(Self.first))
        client.hangUp()
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        bench.tokens.letGo()
        #expect(await connection.holdsNothing)
        // The slot's next connection is not renewed by it.
        let next = try await self.connect(bench)
        try await self.advance(bench, to: 1005)
        #expect(await next.read { $0.hasSuffix("|") } == "end token_expired|")
        #expect(bench.hub.counters.renewalsByOutcome.isEmpty)
    }

    // MARK: The stream

    @Test("hundreds of renewals leave an idle connection nothing to hold")
    func idle() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench)
        try bench.tokens.accept("a", expiresAt: 1010)
        try bench.tokens.accept("b", expiresAt: 1011)
        for _ in 0..<200 {
            await self.renew(bench, "a", at: client, until: 1010)
            await self.renew(bench, "b", at: client, until: 1011)
        }
        let connection = try #require(await bench.hub.connection(Self.first))
        #expect(await eventually { await connection.holdsNothing })
    }

    @Test("the answer stands between two events, and none is lost or doubled, also where the socket was full", arguments: [64 << 20, 1000])
    func keepsTheStream(tailBytes: Int) async throws {
        let bench = try HubBench(tailBytes: tailBytes)
        let client = try await self.connect(bench, start: HubBench.after(0))
        try bench.tokens.accept("a", expiresAt: 1010)
        let payload = #"{"incidentId":"a","pad":""# + String(repeating: "x", count: 50_000) + #""}"#
        let entries = try (1...60).map { try Fixture.entry(UInt64($0), payload: payload) }
        for entry in entries { bench.append(entry) }
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        client.send(bytes: self.text("token a"))
        #expect(await eventually { bench.hub.counters.renewalsByOutcome == [.renewed: 1] })
        let texts = entries.map { Fixture.text($0) }
        let answer = "renewed until 1010|"
        let bytes = await client.readBytes(count: texts.reduce(answer.utf8.count) { $0 + $1.utf8.count })
        let blocks = bytes.split(separator: UInt8(ascii: "|")).map { String(decoding: $0, as: UTF8.self) + "|" }
        #expect(blocks.filter { $0 != answer } == texts)
        #expect(blocks.count == texts.count + 1)
    }

    // MARK: Conversations

    @Test("a conversation is answered by its number: renewed, one at a time, unavailable; and the stream stays")
    func conversation() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench, inbound: .webSocket(WebSocketRules()) { Asker() })
        try bench.tokens.accept("a", roles: [.member], expiresAt: 1010)
        bench.tokens.refuse("later", .keysUnavailable)
        bench.tokens.hold()
        client.send(bytes: self.text("1 a") + self.text("2 a"))
        #expect(await self.words(client, until: "under way") == "2 under way")
        bench.tokens.letGo()
        #expect(await self.words(client, until: "1010") == "1 renewed until 1010")
        client.send(bytes: self.text("3 later"))
        #expect(await self.words(client, until: "unavailable") == "3 unavailable")
        try await self.advance(bench, to: 1009)
        #expect(bench.hub.counters.renewalsByOutcome == [.renewed: 1, .underWay: 1, .unavailable: 1])
        // The witness of the clock may still be closing.
        #expect(await eventually { bench.hub.counters.connections.current == 1 })
    }

    @Test("a token without a role that the conversation needs ends the connection")
    func missingRole() async throws {
        let bench = try HubBench()
        let client = try await self.connect(bench, inbound: .webSocket(WebSocketRules()) { Asker() })
        try bench.tokens.accept("a", roles: [.producer], expiresAt: 1010)
        client.send(bytes: self.text("1 a"))
        let bytes = await client.readBytes()
        #expect(String(decoding: bytes.dropFirst(4), as: UTF8.self).contains("admin, member"))
        #expect(await eventually { bench.hub.counters.closesByKind == [.unauthorized: 1] })
        #expect(bench.hub.counters.renewalsByOutcome == [.missingRole: 1])
    }

    /// Returns the received text without frame headers.
    private func words(_ client: SocketPair, until end: String) async -> String {
        let text = await client.read { $0.contains(end) }
        return String(text.unicodeScalars.filter { $0.isASCII && $0.value >= 0x20 }.map(Character.init))
    }
}

/// A conversation in which `<number> <token>` renews, and whose answers name the number.
private final class Asker: Conversation {
    let link: ConversationLink<Int>? = ConversationLink()

    func received(_ text: [UInt8], from client: ConversationClient, now: MonotonicInstant) -> [ConversationStep] {
        let words = String(decoding: text, as: UTF8.self).split(separator: " ")
        return [.authenticate(UInt64(words[0]) ?? 0, token: String(words[1]))]
    }

    var requiredRoles: Set<Role> { [.admin, .member] }

    func authenticated(_ request: UInt64, _ answer: RenewalAnswer) -> [ConversationStep] {
        switch answer {
        case .renewed(let principal): [.send(Array("\(request) renewed until \(principal.expiresAt)".utf8))]
        case .unavailable: [.send(Array("\(request) unavailable".utf8))]
        case .underWay: [.send(Array("\(request) under way".utf8))]
        }
    }

    func noted(_ note: Int, position: UInt64) -> [ConversationStep] { [] }
    func resumed(_ key: String, after sequence: UInt64, position: UInt64, end: UInt64) -> UInt64 { position }
    func verdict(on sequences: ClosedRange<UInt64>, of topic: Topic?) -> RunVerdict { .none }
    var subscribed: [TopicSubscription] { [] }
    func logReplaced(position: UInt64) {}
    func ended() {}
    var heldBytes: Int { 0 }
}

extension EdgeConnection {
    fileprivate var holdsNothing: Bool { self.pending == nil }
}
