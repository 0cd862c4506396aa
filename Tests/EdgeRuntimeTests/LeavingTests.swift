import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Leaving a group, and what is kept of those concerned only", .timeLimit(.minutes(3)))
struct LeavingTests {
    @Test("removing by index moves one element at most, however many there are")
    func swapRemove() throws {
        let count = 50_000
        var members = ContiguousArray(0..<count)
        var indices = Array(0..<count)
        var moves = 0
        // 7919 and the count have no common divisor, so each member is removed once, in scattered order.
        for step in 0..<count {
            let leaving = step * 7919 % count
            let index = indices[leaving]
            try #require(members[index] == leaving)
            if let moved = members.swapRemove(at: index) {
                indices[moved] = index
                moves += 1
            }
        }
        #expect(members.isEmpty)
        #expect(moves < count)
    }

    @Test("the indices of those that stay are right")
    func indices() {
        var members = ContiguousArray(["a", "b", "c", "d"])
        #expect(members.swapRemove(at: 1) == "d")
        #expect(members == ["a", "d", "c"])
        #expect(members.swapRemove(at: 2) == nil)
        #expect(members == ["a", "d"])
        #expect(MemberIndex.none.value == nil)
        #expect(MemberIndex(0).value == 0)
    }

    @Test("members that leave while a round is served cost the others nothing: each gets every entry once, in order")
    func leavingInARound() async throws {
        let bench = try HubBench()
        var clients: [SocketPair] = []
        for _ in 0..<60 { clients.append(try await bench.connect()) }
        for client in clients { #expect(await client.read { $0.hasSuffix("|open 0|") } == "head|open 0|") }
        var expected = ""
        var sequence: UInt64 = 0
        var staying = clients
        // Two of three clients leave, from both ends, and events are published while some of them are still connected.
        while staying.count > 20 {
            let leaving = sequence % 2 == 0 ? staying.removeFirst() : staying.removeLast()
            leaving.hangUp()
            sequence += 1
            expected += Fixture.text(bench.append(try Fixture.entry(sequence)))
        }
        #expect(await eventually { bench.hub.counters.connections.current == 20 })
        sequence += 1
        let last = Fixture.text(bench.append(try Fixture.entry(sequence)))
        expected += last
        for client in staying { #expect(await client.read { $0.hasSuffix(last) } == expected) }
        for client in staying { client.hangUp() }
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(bench.endedCount == 60)
        #expect(bench.fanout.chainCount == 0)
    }

    @Test("a connection whose socket is full counts as a laggard until it is read, or is gone")
    func laggards() async throws {
        let bench = try HubBench()
        let slow = try await bench.connect()
        let gone = try await bench.connect(user: "bob")
        let payload = #"{"pad":""# + String(repeating: "x", count: 2000) + #""}"#
        for sequence in UInt64(1)..<2000 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        let last = Fixture.text(bench.append(try Fixture.entry(2000, payload: payload)))
        #expect(await eventually { bench.hub.counters.laggards.current == 2 })
        gone.hangUp()
        #expect(await eventually { bench.hub.counters.laggards.current == 1 })
        let got = await slow.read { $0.hasSuffix(last) }
        #expect(got.hasSuffix(last))
        #expect(await eventually { bench.hub.counters.laggards.current == 0 })
    }
}
