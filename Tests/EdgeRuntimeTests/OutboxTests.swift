import Basics
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("What waits to be sent besides entries")
struct OutboxTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000)

    private func message(_ number: Int, _ length: Int) -> [UInt8] { [UInt8](repeating: UInt8(number & 0xFF), count: length) }

    @Test("any sequence of short writes sends every message once, in order", arguments: 0..<100)
    func shortWrites(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var outbox = Outbox()
        var expected: [UInt8] = []
        var sink = ScriptedSink(script: [])
        for number in 0..<Int.random(in: 1...200, using: &random) {
            let message = self.message(number, Int.random(in: 0...50_000, using: &random))
            outbox.append(Array(message.prefix(2)), Array(message.dropFirst(2)))
            expected += message
            sink.script = [Int.random(in: 0...60_000, using: &random), 0]
            let before = outbox.count
            let (outcome, bytes) = outbox.write(to: &sink, limit: 100_000)
            #expect(outbox.count == before - bytes)
            #expect((outcome == .emptied) == outbox.isEmpty)
        }
        sink.script = []
        #expect(outbox.write(to: &sink, limit: .max).outcome == .emptied)
        #expect(sink.written == expected)
        #expect(outbox.isEmpty)
    }

    @Test("a turn's limit ends a write that could go on")
    func limit() {
        var outbox = Outbox(self.message(1, 100_000))
        var sink = ScriptedSink(script: [])
        let (outcome, bytes) = outbox.write(to: &sink, limit: 30_000)
        #expect(outcome == .limitReached && bytes == 30_000 && outbox.count == 70_000)
    }

    @Test("an error of the sink is reported")
    func failure() {
        var outbox = Outbox(self.message(1, 10))
        var sink = ScriptedSink(script: [-1])
        #expect(outbox.write(to: &sink, limit: .max).outcome == .failed)
    }

    @Test(
        "dropping leaves the rest of the message that was begun, and nothing of those that were not",
        arguments: [0, 1, 9, 10, 11, 15, 70_000]
    )
    func dropUnbegun(taken: Int) {
        let lengths = [10, 5, 100_000, 7]
        let boundaries = [0, 10, 15, 100_015, 100_022]
        var outbox = Outbox()
        for (number, length) in lengths.enumerated() { outbox.append(self.message(number, length)) }
        var sink = ScriptedSink(script: [])
        _ = outbox.write(to: &sink, limit: taken)
        outbox.dropUnbegun()
        let end = boundaries.first { $0 >= taken } ?? 0
        #expect(outbox.count == end - taken)
        #expect(outbox.holdsOneMessage == (end > taken))
        outbox.append(self.message(9, 3))
        #expect(outbox.holdsOneMessage == (end == taken))
        _ = outbox.write(to: &sink, limit: .max)
        let all = lengths.enumerated().flatMap { self.message($0.offset, $0.element) }
        #expect(sink.written == Array(all.prefix(end)) + self.message(9, 3))
    }

    @Test("it is stalled when hardly anything of much is taken, however much there is")
    func stalled() {
        let patience = Duration.seconds(15)
        func after(_ seconds: Int) -> MonotonicInstant { self.start.advanced(by: .seconds(seconds)) }
        var outbox = Outbox(self.message(1, Outbox.toleratedBytes))
        let isStalled1 = outbox.isStalled(now: self.start, patience: patience)
        #expect(!isStalled1)
        let isStalled2 = outbox.isStalled(now: after(100), patience: patience)
        #expect(!isStalled2)
        for _ in 0..<100 { outbox.append(self.message(2, 1_000_000)) }
        let isStalled3 = outbox.isStalled(now: after(100), patience: patience)
        #expect(!isStalled3)
        let isStalled4 = outbox.isStalled(now: after(114), patience: patience)
        #expect(!isStalled4)
        var sink = ScriptedSink(script: [])
        // A client that reads 4.3 KiB/s is slow but not stalled; in the next window it reads nothing.
        _ = outbox.write(to: &sink, limit: Int(Outbox.leastProgress))
        let isStalled5 = outbox.isStalled(now: after(115), patience: patience)
        #expect(!isStalled5)
        let isStalled6 = outbox.isStalled(now: after(129), patience: patience)
        #expect(!isStalled6)
        let isStalled7 = outbox.isStalled(now: after(130), patience: patience)
        #expect(isStalled7)
    }

    @Test("all connections of a tenant together have a budget, and only those above their share of it are in excess of it")
    func budget() {
        let budget = UnsentBudget(limit: 100)
        let tenant: Tenant = "acme"
        #expect(budget.change(of: tenant, from: 0, to: 90))
        #expect(budget.change(of: tenant, from: 0, to: 40))
        #expect(!budget.change(of: tenant, from: 90, to: 91))
        #expect(budget.change(of: tenant, from: 40, to: 50))
        #expect(!budget.change(of: tenant, from: 50, to: 51))
        #expect(budget.change(of: tenant, from: 91, to: 0))
        #expect(budget.change(of: tenant, from: 51, to: 100))
    }

    @Test("a tenant may hold a quarter of the budget while others hold some")
    func budgetOfTenants() {
        let budget = UnsentBudget(limit: 100)
        let (greedy, other): (Tenant, Tenant) = ("acme", "globex")
        #expect(budget.change(of: greedy, from: 0, to: 60))
        #expect(budget.change(of: greedy, from: 0, to: 10))
        // The other tenant gets its share whatever the first holds, and only the connection with much unsent data ends.
        #expect(budget.change(of: other, from: 0, to: 25))
        #expect(!budget.change(of: greedy, from: 60, to: 61))
        #expect(budget.change(of: greedy, from: 10, to: 12))
        #expect(budget.change(of: greedy, from: 61, to: 0))
        #expect(budget.change(of: greedy, from: 12, to: 25))
        #expect(!budget.change(of: greedy, from: 25, to: 26))
        #expect(budget.change(of: other, from: 25, to: 0))
        #expect(budget.change(of: greedy, from: 26, to: 100))
    }
}
