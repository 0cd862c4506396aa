import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

/// Resolution of a cursor from memory and from the log (contract §3).
@Suite struct HistoryTests {
    /// Creates a bench whose tail holds the last three entries, or all.
    private static func bench(hasTail: Bool) throws -> HubBench {
        let cost = LogTail.memory(of: try Fixture.entry(1))
        let bench = try HubBench(tailBytes: hasTail ? 1 << 20 : 3 * cost)
        // acme has the odd sequences, globex the even ones.
        for sequence in UInt64(1)...20 { bench.append(try Fixture.entry(sequence, tenant: sequence % 2 == 1 ? "acme" : "globex")) }
        return bench
    }

    private static func cursor(_ sequence: UInt64, offset: Int64 = 0) throws -> Cursor {
        let time = Timestamp(millisecondsSinceEpoch: try Fixture.entry(sequence).intake.millisecondsSinceEpoch + offset)
        return Cursor(time: time, epoch: Fixture.epoch, sequence: sequence)
    }

    private static func start(_ bench: HubBench, _ cursor: Cursor) async throws -> StreamStart {
        try await bench.history.start(for: cursor.text, tenant: "acme", fanout: bench.fanout)
    }

    /// Deletes entries from the log, and notifies the tail.
    private static func delete(_ sequences: [UInt64], _ bench: HubBench) {
        bench.log.state.withLock { state in state.entries.removeAll { sequences.contains($0.sequence) } }
        let deleted = DeletedSequences(ascending: sequences)
        let retention = LogRetention(epoch: Fixture.epoch, firstSequence: 1, lastSequence: 20, deleted: deleted)
        bench.tail.trim(to: retention)
        bench.fanout.logTrimmed(to: retention)
    }

    @Test(arguments: [true, false])
    func aPlaceIsRecognised(hasTail: Bool) async throws {
        let bench = try Self.bench(hasTail: hasTail)
        for sequence: UInt64 in [3, 4, 19, 20] {
            #expect(try await Self.start(bench, Self.cursor(sequence)) == .after(Self.cursor(sequence)))
        }
        // A recreated log has an entry with an earlier or later time there.
        for (sequence, offset) in [(3, 7000), (4, 7000), (19, -7000), (20, 7000), (19, 1)] as [(UInt64, Int64)] {
            #expect(try await Self.start(bench, Self.cursor(sequence, offset: offset)) == .unknownCursor, "\(sequence), \(offset)")
        }
        let none = Cursor(time: Timestamp(millisecondsSinceEpoch: 0), epoch: Fixture.epoch, sequence: 3)
        #expect(try await Self.start(bench, none) == .unknownCursor, "no message is without a time")
    }

    @Test(arguments: [true, false])
    func whatWasPurgedBehindACursorIsTold(hasTail: Bool) async throws {
        let bench = try Self.bench(hasTail: hasTail)
        // acme's events from 3 to 9 are deleted; its next kept event is 11.
        Self.delete([3, 5, 7, 9], bench)
        func expired(_ sequence: UInt64) async throws -> Bool {
            guard case .expired(let missedBefore) = try await Self.start(bench, Self.cursor(sequence)) else { return false }
            #expect(missedBefore.sequence == 11)
            return true
        }
        for sequence: UInt64 in [3, 5, 7, 4, 6, 8] { #expect(try await expired(sequence), "\(sequence)") }
        for sequence: UInt64 in [9, 10, 11, 13, 12, 20] {
            #expect(
                try await Self.start(bench, Self.cursor(sequence)) == .after(Self.cursor(sequence)),
                "nothing is missing behind \(sequence)"
            )
        }
        // A client at a kept event of its tenant misses only the deleted events.
        #expect(try await Self.start(bench, Self.cursor(1)) == .after(Self.cursor(1)))
        // A client that received the gap reconnects without a second one.
        let told = StreamGap.expired(missedBefore: try Self.cursor(11)).resumptionCursor
        #expect(try await Self.start(bench, told) == .after(told))
    }

    @Test(arguments: [true, false])
    func aTenantOfWhichNothingIsLeft(hasTail: Bool) async throws {
        let bench = try Self.bench(hasTail: hasTail)
        Self.delete((1...19).filter { $0 % 2 == 1 }, bench)
        guard case .expired(let missedBefore) = try await Self.start(bench, Self.cursor(5)) else {
            Issue.record("the tenant's past was purged")
            return
        }
        #expect(missedBefore.sequence == 21)
        #expect(try await Self.start(bench, Self.cursor(19)) == .after(Self.cursor(19)), "it has seen everything")
    }

    @Test("entries dropped during a read give a gap before the retained ones", .timeLimit(.minutes(1)))
    func movingEnd() async throws {
        let bench = try HubBench(tailBytes: 4096)
        var texts: [String] = []
        for sequence in UInt64(1)...400 { texts.append(Fixture.text(bench.append(try Fixture.entry(sequence)))) }
        bench.log.state.withLock { state in
            state.first = 101
            state.entries.removeAll { $0.sequence <= 100 }
        }
        // The edge uses its cached state.
        let client = try await bench.connect(start: HubBench.after(50))
        let last = texts[399]
        #expect(await client.read { $0.hasSuffix(last) } == "head|open 50|expired before 101|" + texts[100...].joined())
    }

    @Test("a connection that is behind is not served what was deleted", .timeLimit(.minutes(1)))
    func deletedInMemory() async throws {
        let bench = try Self.bench(hasTail: true)
        let before = try await bench.connect(start: HubBench.after(0))
        let all = (1...19).filter { $0 % 2 == 1 }.map { UInt64($0) }
        let last = Fixture.text(try Fixture.entry(19))
        #expect(await before.read { $0.hasSuffix(last) } == "head|open 0|" + all.map { Fixture.text(try! Fixture.entry($0)) }.joined())
        Self.delete([7], bench)
        let left = all.filter { $0 != 7 }.map { Fixture.text(try! Fixture.entry($0)) }.joined()
        // A loop trims in a later turn, and a client may connect before that.
        var after = before
        let isForgotten = try await eventually {
            after = try await bench.connect(start: HubBench.after(0))
            return await after.read { $0.hasSuffix(last) } == "head|open 0|" + left
        }
        #expect(isForgotten)
        let next = Fixture.text(bench.append(try Fixture.entry(21)))
        for client in [before, after] { #expect(await client.read { $0.hasSuffix(next) } == next) }
    }

    @Test("readers are notified when the feed missed a part of the log", .timeLimit(.minutes(1)))
    func passedOver() async throws {
        let bench = try HubBench()
        let client = try await bench.connect()
        let first = Fixture.text(bench.append(try Fixture.entry(1)))
        #expect(await client.read { $0.hasSuffix(first) } == "head|open 0|" + first)
        bench.tail.reset(to: 40)
        bench.fanout.logPassedOver(through: 40)
        let next = Fixture.text(bench.append(try Fixture.entry(41)))
        #expect(await client.read { $0.hasSuffix(next) } == "expired before 41|" + next)
    }
}
