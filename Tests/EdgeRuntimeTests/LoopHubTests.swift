import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("The connections of a loop", .timeLimit(.minutes(3)))
struct LoopHubTests {
    @Test("a live connection gets its opening, then what happens, in order; others' events not at all")
    func live() async throws {
        let bench = try HubBench()
        bench.append(try Fixture.entry(1))
        let ann = try await bench.connect()
        let bob = try await bench.connect(user: "bob")
        let other = try await bench.connect(tenant: "globex")
        var expected = "head|open 1|"
        for sequence in UInt64(2)...50 {
            let entry = try Fixture.entry(sequence, user: sequence % 5 == 0 ? "bob" : nil)
            bench.append(entry)
            if sequence % 5 != 0 { expected += Fixture.text(entry) }
        }
        let last = Fixture.text(bench.append(try Fixture.entry(51)))
        expected += last
        #expect(await ann.read { $0.hasSuffix(last) } == expected)
        let bobs = await bob.read { $0.hasSuffix(last) }
        #expect(bobs.split(separator: "|").count == 52)
        let foreign = bench.append(try Fixture.entry(52, tenant: "globex"))
        #expect(await other.read { $0.hasSuffix("|52:incident.created:{\"incidentId\":\"i\"}|") } == "head|open 1|" + Fixture.text(foreign))
    }

    @Test("an event with further recipients is for them too, live, from memory and from the log", arguments: [64 << 20, 256])
    func severalRecipients(tailBytes: Int) async throws {
        let bench = try HubBench(tailBytes: tailBytes)
        let users = ["ann", "nina", "max"]
        var live: [SocketPair] = []
        for user in users { live.append(try await bench.connect(user: user)) }
        let foreign = try await bench.connect(tenant: "globex", user: "nina")
        let shared = Fixture.text(bench.append(try Fixture.entry(1)))
        let forBoth = Fixture.text(bench.append(try Fixture.entry(2, user: "ann", others: ["nina"])))
        let forAnn = Fixture.text(bench.append(try Fixture.entry(3, user: "ann")))
        let last = Fixture.text(bench.append(try Fixture.entry(4)))
        let expected = [shared + forBoth + forAnn + last, shared + forBoth + last, shared + last]
        for (client, text) in zip(live, expected) { #expect(await client.read { $0.hasSuffix(last) } == "head|open 0|" + text) }
        for (user, text) in zip(users, expected) {
            let late = try await bench.connect(user: user, start: HubBench.after(0))
            #expect(await late.read { $0.hasSuffix(last) } == "head|open 0|" + text)
        }
        let own = bench.append(try Fixture.entry(5, tenant: "globex"))
        #expect(await foreign.read { $0.hasSuffix(Fixture.text(own)) } == "head|open 0|" + Fixture.text(own))
    }

    @Test("a filter narrows, and what it leaves out is passed over for good")
    func filter() async throws {
        let bench = try HubBench()
        let client = try await bench.connect(filter: "approval.requested")
        for sequence in UInt64(1)...9 { bench.append(try Fixture.entry(sequence)) }
        let wanted = bench.append(try Fixture.entry(10, type: "approval.requested", payload: "{}"))
        #expect(await client.read { $0.contains("10:") } == "head|open 0|" + Fixture.text(wanted))
    }

    @Test("resuming from any place gives everything after it once, then live", arguments: [UInt64(0), 1, 150, 299, 300])
    func resume(after: UInt64) async throws {
        let bench = try HubBench()
        var texts: [String] = []
        for sequence in UInt64(1)...300 { texts.append(Fixture.text(bench.append(try Fixture.entry(sequence)))) }
        let client = try await bench.connect(start: HubBench.after(after))
        let last = Fixture.text(bench.append(try Fixture.entry(301)))
        texts.append(last)
        let expected = "head|open \(after)|" + texts[Int(after)...].joined()
        #expect(await client.read { $0.hasSuffix(last) } == expected)
    }

    @Test("a place that has left the tail is served from the log, chunk by chunk")
    func fromTheLog() async throws {
        let bench = try HubBench(tailBytes: 4096)
        var texts: [String] = []
        for sequence in UInt64(1)...400 { texts.append(Fixture.text(bench.append(try Fixture.entry(sequence)))) }
        let client = try await bench.connect(start: HubBench.after(3))
        let last = texts[399]
        #expect(await client.read { $0.hasSuffix(last) } == "head|open 3|" + texts[3...].joined())
        #expect(bench.hub.counters.logReads.current > 1)
    }

    @Test("a reader that does not read holds nobody up, costs nothing, and gets everything when it reads again", arguments: [64 << 20, 0])
    func stalledReader(laggardBytes: Int) async throws {
        let bench = try HubBench(tailBytes: 32 * 1024) { $0.maxLaggardBytes = laggardBytes }
        let stalled = try await bench.connect(user: "slow")
        let healthy = try await bench.connect()
        let payload = #"{"pad":""# + String(repeating: "x", count: 2000) + #""}"#
        var texts: [String] = []
        for sequence in UInt64(1)...2000 {
            texts.append(Fixture.text(bench.append(try Fixture.entry(sequence, payload: payload))))
            guard sequence % 100 == 0 else { continue }
            let last = texts.last!
            let got = await healthy.read { $0.hasSuffix(last) }
            #expect(got.hasSuffix(last))
        }
        #expect(bench.hub.counters.blockedWrites.current > 0)
        let all = "head|open 0|" + texts.joined()
        let got = await stalled.read { $0.utf8.count >= all.utf8.count }
        #expect(got == all, "the first difference is at byte \(zip(got.utf8, all.utf8).prefix { $0 == $1 }.count)")
    }

    @Test("a laggard whose position was dropped gets a gap and the retained entries")
    func expiredWhileLagging() async throws {
        let bench = try HubBench(tailBytes: 4096)
        let payload = #"{"pad":""# + String(repeating: "x", count: 20_000) + #""}"#
        let stalled = try await bench.connect()
        for sequence in UInt64(1)...100 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        bench.log.state.withLock { state in
            state.first = 90
            state.entries.removeAll { $0.sequence < 90 }
        }
        // The socket filled either between two entries, and the gap is sent, or within an entry that was dropped since:
        // it cannot be completed, so the connection is cut, and its client resumes from its last cursor.
        let got = await stalled.read { $0.contains("|100:") }
        let whole = got.split(separator: "|").dropLast().compactMap { $0.split(separator: ":").first.flatMap { UInt64($0) } }
        let before = whole.prefix { $0 < 90 }
        #expect(Array(before) == (0..<before.count).map { UInt64($0 + 1) })
        var rest = got
        if got.hasSuffix("<end>") {
            let resumed = try await bench.connect(start: HubBench.after(UInt64(before.count)))
            rest = await resumed.read { $0.contains("|100:") }
        }
        #expect(rest.contains("|expired before 90|90:"))
        #expect(rest.contains("|100:"))
    }

    @Test("connected clients are notified of a recreated log")
    func replaced() async throws {
        let bench = try HubBench()
        let client = try await bench.connect()
        bench.append(try Fixture.entry(1))
        #expect(await client.read { $0.contains("1:") } == "head|open 0|" + Fixture.text(try Fixture.entry(1)))
        bench.fanout.logReplaced(epoch: 8, position: 0)
        let entry = try Fixture.entry(1)
        bench.fanout.logAppended(entry)
        #expect(await client.read { $0.contains("1:") } == "unknown, on from 0|" + Fixture.text(entry))
    }

    @Test("gaps known at the handshake are sent first")
    func gaps() async throws {
        let bench = try HubBench()
        bench.append(try Fixture.entry(1))
        let unknown = try await bench.connect(start: .unknownCursor)
        #expect(await unknown.read { $0.contains("unknown") } == "head|open|unknown, on from 1|")
        let first = Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: Fixture.epoch, sequence: 1)
        let expired = try await bench.connect(start: .expired(missedBefore: first))
        #expect(await expired.read { $0.contains("1:") } == "head|open|expired before 1|" + Fixture.text(try Fixture.entry(1)))
    }

    @Test("a token's end ends its connection with a reason, and no other")
    func expiry() async throws {
        let bench = try HubBench()
        let short = try await bench.connect(expiresAt: 1005)
        let long = try await bench.connect(expiresAt: 5000)
        bench.clock.now.store(1005, ordering: .relaxed)
        #expect(await short.read { _ in false } == "head|open 0|end token_expired|<end>")
        bench.append(try Fixture.entry(1))
        #expect(await long.read { $0.contains("1:") }.hasPrefix("head|open 0|1:"))
    }

    @Test("heartbeats carry the feed's place, also past other tenants' events")
    func heartbeats() async throws {
        let bench = try HubBench { $0.heartbeatInterval = .milliseconds(100) }
        let client = try await bench.connect()
        bench.append(try Fixture.entry(1, tenant: "globex"))
        bench.append(try Fixture.entry(2, tenant: "globex"))
        #expect(await client.read { $0.contains("beat 2|") }.hasPrefix("head|open 0|"))
    }

    @Test("a client that filters everything out takes turns like the others: scanned entries count")
    func filteredTurns() async throws {
        let bench = try HubBench { $0.bytesPerTurn = 2048 }
        for sequence in UInt64(1)...2000 { bench.append(try Fixture.entry(sequence)) }
        for _ in 0..<4 { _ = try await bench.connect(start: HubBench.after(0), filter: "nothing.*") }
        let other = try await bench.connect(start: HubBench.after(1999))
        #expect(await other.read { $0.contains("2000:") }.contains("2000:incident.created"))
    }

    @Test("users whose names only look alike are not the same")
    func lookalikes() async throws {
        let bench = try HubBench()
        let composed = try await bench.connect(user: "\u{e1}nn")
        let decomposed = try await bench.connect(user: "a\u{301}nn")
        bench.append(try Fixture.entry(1, user: "\u{e1}nn"))
        bench.append(try Fixture.entry(2))
        #expect(await composed.read { $0.contains("2:") }.contains("1:"))
        #expect(await !decomposed.read { $0.contains("2:") }.contains("1:"))
    }

    @Test("a drain does not wait for refused connections")
    func drainBesideRefusals() async throws {
        let bench = try HubBench { $0.linger = .seconds(3600) }
        let stranger = try await bench.connect(inbound: .webSocket(WebSocketRules()), refusal: Ending(.unauthorized))
        let client = try await bench.connect()
        #expect(bench.hub.counters.connections.current == 1)
        async let drained: Void = bench.hub.drainConnections(window: .zero)
        #expect(await client.read { $0.hasSuffix("end draining|") } == "head|open 0|end draining|")
        client.hangUp()
        await drained
        #expect(bench.endedCount == 1)
        stranger.hangUp()
        #expect(await eventually { bench.hub.counters.closesByKind[.unauthorized] == 1 })
        #expect(bench.endedCount == 1)
    }

    @Test("a drain ends all connections, and new ones, with a reason")
    func drain() async throws {
        let bench = try HubBench()
        var clients: [SocketPair] = []
        for _ in 0..<20 { clients.append(try await bench.connect()) }
        async let drained: Void = bench.hub.drainConnections(window: .milliseconds(300))
        for client in clients {
            #expect(await client.read { _ in false } == "head|open 0|end draining|<end>")
            client.hangUp()
        }
        await drained
        #expect(bench.endedCount == 20)
        let late = try await bench.connect()
        #expect(await late.read { _ in false } == "head|open 0|end draining|<end>")
    }

    @Test("connections that go leave nothing behind, and their slots are used again")
    func churn() async throws {
        let bench = try HubBench()
        for _ in 0..<50 {
            let clients = try await [bench.connect(), bench.connect(), bench.connect(tenant: "globex")]
            for client in clients {
                _ = await client.read { $0.hasSuffix("|open 0|") }
                client.hangUp()
            }
            #expect(await eventually { bench.hub.counters.connections.current == 0 })
        }
        #expect(bench.endedCount == 150)
        #expect(bench.fanout.chainCount == 0)
    }

    @Test("an unreachable log ends the streams that need it, with a reason")
    func logOutOfReach() async throws {
        let bench = try HubBench(tailBytes: 4096)
        for sequence in UInt64(1)...400 { bench.append(try Fixture.entry(sequence)) }
        bench.log.state.withLock { $0.isReachable = false }
        let client = try await bench.connect(start: HubBench.after(3))
        let text = await client.read { _ in false }
        #expect(text == "head|open 3|end unavailable|<end>")
    }
}
