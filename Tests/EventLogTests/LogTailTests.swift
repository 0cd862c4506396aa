import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@Suite struct LogTailTests {
    /// Room for exactly `entries` of the fixture's entries.
    private static func tail(entries: Int, position: UInt64 = 0) throws -> LogTail {
        let cost = try Fixture.entry(1).event.payload.bytes.count + LogTail.entryOverhead
        return LogTail(maxBytes: entries * cost, position: position)
    }

    private static func sequences(_ read: LogTail.Read) -> [UInt64]? {
        guard case .entries(let entries, _) = read else { return nil }
        return entries.map(\.sequence)
    }

    private static func end(_ read: LogTail.Read) -> UInt64? {
        guard case .entries(_, let through) = read else { return nil }
        return through
    }

    @Test func readsOneTenantInOrder() throws {
        let tail = try Self.tail(entries: 100)
        for sequence in 1...30 { tail.append(try Fixture.entry(UInt64(sequence), tenant: ["a", "b", "c"][sequence % 3])) }
        let read = tail.read(tenant: Tenant("b"), after: 10, maxBytes: .max)
        #expect(Self.sequences(read) == [13, 16, 19, 22, 25, 28])
        #expect(Self.end(read) == 30)
        #expect(Self.sequences(tail.read(tenant: try Tenant("nobody"), after: 10, maxBytes: .max)) == [])
    }

    static let searches: [(after: UInt64, expected: [UInt64])] = [
        (0, [3, 7, 8, 20]), (2, [3, 7, 8, 20]), (3, [7, 8, 20]), (6, [7, 8, 20]), (8, [20]), (19, [20]), (20, []), (21, []),
    ]

    @Test(arguments: searches)
    func findsTheFirstEntryBehindASequence(after: UInt64, expected: [UInt64]) throws {
        let tail = try Self.tail(entries: 100)
        for sequence: UInt64 in [3, 7, 8, 20] { tail.append(try Fixture.entry(sequence)) }
        let read = tail.read(tenant: Tenant("acme"), after: after, maxBytes: .max)
        #expect(Self.sequences(read) == expected)
        #expect(Self.end(read) == max(20, after))
    }

    @Test func evictsTheOldestAndSaysSo() throws {
        let tail = try Self.tail(entries: 4)
        for sequence: UInt64 in 1...10 { tail.append(try Fixture.entry(sequence, tenant: sequence == 5 ? "other" : "acme")) }
        #expect(tail.count == 4)
        #expect(tail.floor == 6)
        #expect(tail.byteCount == 4 * (LogTail.entryOverhead + #"{"incidentId":"i-1"}"#.utf8.count))
        #expect(Self.sequences(tail.read(tenant: try Tenant("acme"), after: 6, maxBytes: .max)) == [7, 8, 9, 10])
        guard case .evicted(let floor) = tail.read(tenant: Tenant("acme"), after: 5, maxBytes: .max) else {
            Issue.record("5 is older than the tail")
            return
        }
        #expect(floor == 6)
        // The other tenant has nothing here, but whether it missed something only the log knows.
        guard case .evicted = tail.read(tenant: Tenant("other"), after: 5, maxBytes: .max) else {
            Issue.record("5 is older than the tail, whoever asks")
            return
        }
    }

    @Test func keepsAnEntryThatIsLargerThanItself() throws {
        let tail = LogTail(maxBytes: 10)
        tail.append(try Fixture.entry(1))
        tail.append(try Fixture.entry(2))
        #expect(tail.count == 1)
        #expect(tail.floor == 1)
        #expect(Self.sequences(tail.read(tenant: try Tenant("acme"), after: 1, maxBytes: 1)) == [2])
    }

    @Test func cutsALongAnswerAndSaysHowFarItGoes() throws {
        let tail = try Self.tail(entries: 100)
        let cost = try Fixture.entry(1).event.payload.bytes.count + LogTail.entryOverhead
        for sequence: UInt64 in 1...20 { tail.append(try Fixture.entry(sequence * 2)) }
        var after: UInt64 = 0
        var pages: [[UInt64]] = []
        while after < 40 {
            let read = tail.read(tenant: Tenant("acme"), after: after, maxBytes: 6 * cost)
            pages.append(try #require(Self.sequences(read)))
            after = try #require(Self.end(read))
        }
        #expect(pages.map(\.count) == [6, 6, 6, 2])
        #expect(pages.flatMap { $0 } == (1...20).map { UInt64($0 * 2) })
    }

    @Test func dropsWhatIsNotNewer() throws {
        let tail = try Self.tail(entries: 10, position: 5)
        for sequence: UInt64 in [5, 6, 6, 3, 7] { tail.append(try Fixture.entry(sequence)) }
        #expect(Self.sequences(tail.read(tenant: try Tenant("acme"), after: 5, maxBytes: .max)) == [6, 7])
    }

    @Test func advancesWithoutEntries() throws {
        let tail = try Self.tail(entries: 10)
        tail.append(try Fixture.entry(3))
        tail.advance(to: 9)
        tail.advance(to: 4)
        #expect(tail.position == 9)
        #expect(Self.end(tail.read(tenant: try Tenant("acme"), after: 3, maxBytes: .max)) == 9)
    }

    @Test func forgetsEverythingWhenTheLogIsReplaced() throws {
        let tail = try Self.tail(entries: 10)
        for sequence: UInt64 in 1...5 { tail.append(try Fixture.entry(sequence)) }
        tail.reset(to: 2)
        #expect(tail.count == 0)
        #expect(tail.byteCount == 0)
        tail.append(try Fixture.entry(3))
        #expect(Self.sequences(tail.read(tenant: try Tenant("acme"), after: 2, maxBytes: .max)) == [3])
    }

    /// Readers on other threads see a gapless, ordered range at any moment, while the writer evicts under them.
    @Test func readersNeverSeeAGap() async throws {
        let tail = try Self.tail(entries: 500)
        let last: UInt64 = 20_000
        let tenant = Tenant("acme")
        let entries = try (1...last).map { try Fixture.entry($0, tenant: $0 % 2 == 0 ? "acme" : "other") }
        await withTaskGroup(of: Int.self) { group in
            group.addTask {
                for entry in entries { tail.append(entry) }
                return 0
            }
            for _ in 0..<3 {
                group.addTask {
                    var position: UInt64 = 0
                    var faults = 0
                    while position < last {
                        switch tail.read(tenant: tenant, after: position, maxBytes: 40 * LogTail.entryOverhead) {
                        case .entries(let entries, let through):
                            var expected = position + (position % 2 == 0 ? 2 : 1)
                            for entry in entries {
                                if entry.sequence != expected { faults += 1 }
                                expected = entry.sequence + 2
                            }
                            if expected <= through { faults += 1 }
                            position = through
                        case .evicted(let floor):
                            if floor <= position { faults += 1 }
                            position = floor
                        }
                        await Task.yield()
                    }
                    return faults
                }
            }
            for await faults in group { #expect(faults == 0) }
        }
    }
}
