import Basics
import TestKit
import Testing

@testable import webhook_dispatcher

@Suite("Turns") struct TurnTests {
    /// Serves a number of messages; nobody leaves.
    private func serve(_ count: Int, _ turns: inout FairTurns<String, String>, size: (String) -> Int) -> [String] {
        (0..<count).compactMap { _ in turns.next(size) }
    }

    @Test func membersTakeTurnsByBytes() {
        var turns = FairTurns<String, String>()
        for name in ["large", "small"] { turns.add(name, of: "acme") }
        let size = ["large": 128 * 1024, "small": 1024]
        var bytes: [String: Int] = [:]
        for name in serve(2000, &turns, size: { size[$0] ?? 0 }) { bytes[name, default: 0] += size[name] ?? 0 }
        let (large, small) = (bytes["large"] ?? 0, bytes["small"] ?? 0)
        #expect(large > 0 && small > 0 && abs(large - small) <= 256 * 1024, "\(large) \(small)")
    }

    @Test func aTenantWithManyEndpointsHasOneShare() {
        var turns = FairTurns<String, String>()
        for number in 0..<100 { turns.add("many-\(number)", of: "many") }
        turns.add("single", of: "few")
        let served = serve(640, &turns, size: { _ in 32 * 1024 })
        let single = served.filter { $0 == "single" }.count
        #expect((300...340).contains(single), "\(single)")
        // Each of the hundred had its turn.
        #expect(Set(served).count == 101)
    }

    @Test func aMessageLargerThanTheQuantumIsServed() {
        var turns = FairTurns<String, String>()
        turns.add("a", of: "acme")
        #expect(serve(3, &turns, size: { _ in 260 * 1024 }) == ["a", "a", "a"])
    }

    @Test func thoseWhoLeaveAreNotServed() {
        var turns = FairTurns<String, String>()
        #expect(turns.next { _ in 1 } == nil && turns.isEmpty)
        for name in ["a", "b"] { turns.add(name, of: "acme") }
        turns.add("a", of: "acme")
        turns.add("c", of: "globex")
        turns.remove("a", of: "acme")
        turns.remove("x", of: "acme")
        turns.remove("x", of: "other")
        #expect(Set(serve(200, &turns, size: { _ in 32 * 1024 })) == ["b", "c"])
        turns.remove("b", of: "acme")
        turns.remove("c", of: "globex")
        #expect(turns.isEmpty && turns.next { _ in 1 } == nil)
    }

    @Test func whoIsNotServedAtOnceStaysInOrder() {
        var round = DeficitRound<Int>()
        for member in 0..<3 { round.add(member) }
        var served: [Int] = []
        while let member = round.current({ _ in 1 }) {
            served.append(member)
            round.spend(1)
            round.remove(member)
        }
        #expect(served == [0, 1, 2] && round.count == 0)
    }
}

@Suite("Due queue") struct DueQueueTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(millisecondsSinceEpoch: milliseconds) }

    @Test func theEarliestComesFirst() {
        var queue = DueQueue<Int, Timestamp>()
        var generator = SplitMix64(seed: 4)
        var times: [Int: Int64] = [:]
        for _ in 0..<2000 {
            let member = Int.random(in: 0..<200, using: &generator)
            if Int.random(in: 0..<10, using: &generator) == 0 {
                queue.remove(member)
                times[member] = nil
            } else {
                let time = Int64.random(in: 0..<1000, using: &generator)
                queue.set(member, at: at(time))
                times[member] = time
            }
            #expect(queue.count == times.count)
        }
        #expect(queue.popDue(at: at(-1)) == nil)
        var last: Int64 = -1
        while let member = queue.popDue(at: at(1000)) {
            let time = times.removeValue(forKey: member)
            #expect(time.map { $0 >= last } == true)
            last = time ?? last
        }
        #expect(times.isEmpty && queue.count == 0 && queue.next == nil)
    }

    @Test func aMemberHasOneTime() {
        var queue = DueQueue<String, Timestamp>()
        queue.set("a", at: at(5))
        queue.set("a", at: at(9))
        #expect(queue.popDue(at: at(8)) == nil)
        #expect(queue.popDue(at: at(9)) == "a")
        #expect(queue.popDue(at: at(99)) == nil)
    }
}
