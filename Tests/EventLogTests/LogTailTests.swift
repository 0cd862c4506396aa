import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@Suite struct LogTailTests {
    /// Room for exactly `entries` of the fixture's entries.
    private static func tail(entries: Int, position: UInt64 = 0) throws -> LogTail {
        let cost = LogTail.memory(of: try Fixture.entry(1))
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
        #expect(Self.sequences(tail.read(tenant: Tenant("nobody"), after: 10, maxBytes: .max)) == [])
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
        #expect(tail.byteCount == 4 * LogTail.memory(of: try Fixture.entry(1)))
        #expect(Self.sequences(tail.read(tenant: Tenant("acme"), after: 6, maxBytes: .max)) == [7, 8, 9, 10])
        guard case .evicted(let floor) = tail.read(tenant: Tenant("acme"), after: 5, maxBytes: .max) else {
            Issue.record("5 is older than the tail")
            return
        }
        #expect(floor == 6)
        // The other tenant has no entries here, but only the log knows whether it missed any.
        guard case .evicted = tail.read(tenant: Tenant("other"), after: 5, maxBytes: .max) else {
            Issue.record("5 is older than the tail, whoever asks")
            return
        }
    }

    @Test func countsATenantsEntriesBehindASequence() throws {
        let tail = try Self.tail(entries: 20, position: 0)
        for sequence in 1...30 { tail.append(try Fixture.entry(UInt64(sequence), tenant: ["a", "b"][sequence % 2])) }
        #expect(tail.count(tenant: "a", after: tail.floor - 1) == nil)
        #expect(tail.count(tenant: "a", after: tail.floor) == 10)
        #expect(
            tail.count(tenant: "a", after: 27) == 2 && tail.count(tenant: "b", after: 29) == 0 && tail.count(tenant: "c", after: 29) == 0
        )
    }

    @Test func keepsAnEntryThatIsLargerThanItself() throws {
        let tail = LogTail(maxBytes: 10)
        tail.append(try Fixture.entry(1))
        tail.append(try Fixture.entry(2))
        #expect(tail.count == 1)
        #expect(tail.floor == 1)
        #expect(Self.sequences(tail.read(tenant: Tenant("acme"), after: 1, maxBytes: 1)) == [2])
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

    @Test func countsWhatManyMembersTake() throws {
        let members = (0..<20_000).map { #""m\#($0)":1"# }.joined(separator: ",")
        let entry = LogEntry(sequence: 1, intake: Fixture.time, event: try Fixture.event("e", payload: "{\(members)}"))
        // The index of a member takes more memory than the member itself.
        #expect(LogTail.memory(of: entry) > 20_000 * 16 + entry.event.payload.bytes.count)
    }

    @Test func dropsWhatIsNotNewer() throws {
        let tail = try Self.tail(entries: 10, position: 5)
        for sequence: UInt64 in [5, 6, 6, 3, 7] { tail.append(try Fixture.entry(sequence)) }
        #expect(Self.sequences(tail.read(tenant: Tenant("acme"), after: 5, maxBytes: .max)) == [6, 7])
    }

    @Test func advancesWithoutEntries() throws {
        let tail = try Self.tail(entries: 10)
        tail.append(try Fixture.entry(3))
        tail.advance(to: 9, time: Fixture.time)
        tail.advance(to: 4, time: nil)
        #expect(tail.position == 9)
        #expect(Self.end(tail.read(tenant: Tenant("acme"), after: 3, maxBytes: .max)) == 9)
    }

    @Test func forgetsEverythingWhenTheLogIsReplaced() throws {
        let tail = try Self.tail(entries: 10)
        for sequence: UInt64 in 1...5 { tail.append(try Fixture.entry(sequence)) }
        tail.reset(to: 2)
        #expect(tail.count == 0)
        #expect(tail.byteCount == 0)
        tail.append(try Fixture.entry(3))
        #expect(Self.sequences(tail.read(tenant: Tenant("acme"), after: 2, maxBytes: .max)) == [3])
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

    private static func retention(first: UInt64, last: UInt64 = 40, deleted: [UInt64] = []) -> LogRetention {
        LogRetention(epoch: 7, firstSequence: first, lastSequence: last, deleted: DeletedSequences(ascending: deleted))
    }

    @Test func forgetsWhatTheLogForgets() throws {
        let tail = try Self.tail(entries: 100)
        for sequence in UInt64(1)...30 { tail.append(try Fixture.entry(sequence, tenant: ["a", "b", "c"][Int(sequence) % 3])) }
        /// The memory of a tail with only those entries.
        func cost(_ sequences: some Sequence<UInt64>) throws -> Int {
            let other = try Self.tail(entries: 100)
            for sequence in sequences { other.append(try Fixture.entry(sequence, tenant: ["a", "b", "c"][Int(sequence) % 3])) }
            return other.byteCount
        }
        tail.trim(to: Self.retention(first: 11))
        #expect(tail.floor == 10 && tail.count == 20)
        #expect(try tail.byteCount == cost(11...30))
        #expect(Self.sequences(tail.read(tenant: "b", after: 10, maxBytes: .max)) == [13, 16, 19, 22, 25, 28])
        guard case .evicted = tail.read(tenant: "b", after: 9, maxBytes: .max) else { throw TestFailure("9 has left the log") }
        tail.trim(to: Self.retention(first: 11, deleted: [13, 14, 15, 16, 28]))
        #expect(Self.sequences(tail.read(tenant: "b", after: 10, maxBytes: .max)) == [19, 22, 25])
        #expect(tail.count == 15)
        #expect(try tail.byteCount == cost((UInt64(11)...30).filter { ![13, 14, 15, 16, 28].contains($0) }))
        // Entries appended since are kept, and dropped ones stay dropped.
        tail.append(try Fixture.entry(31, tenant: "b"))
        tail.trim(to: Self.retention(first: 11, deleted: [13, 14, 15, 16, 28]))
        #expect(Self.sequences(tail.read(tenant: "b", after: 19, maxBytes: .max)) == [22, 25, 31])
        tail.trim(to: Self.retention(first: 41))
        #expect(tail.count == 0 && tail.byteCount == 0 && tail.floor == 31, "never beyond what the feed has read")
        tail.append(try Fixture.entry(32, tenant: "b"))
        #expect(Self.sequences(tail.read(tenant: "b", after: 31, maxBytes: .max)) == [32])
    }

    @Test func keepsNothingWhenNobodyKnowsWhatWasDeleted() throws {
        let tail = try Self.tail(entries: 100)
        for sequence in UInt64(1)...30 { tail.append(try Fixture.entry(sequence)) }
        tail.trim(to: LogRetention(epoch: 7, firstSequence: 1, lastSequence: 30, deleted: DeletedSequences(unlisted: 200_000)))
        #expect(tail.count == 0 && tail.byteCount == 0 && tail.floor == 30)
        #expect(tail.recognise(Cursor(time: Fixture.time, epoch: 7, sequence: 31), tenant: "acme") == nil)
    }

    /// A message that is not an event is kept as sequence and time, within the same bound.
    @Test func holdsPlacesWithinItsBound() throws {
        let tail = LogTail(maxBytes: 4096)
        tail.append(try Fixture.entry(1))
        for sequence in UInt64(2)...1000 { tail.advance(to: sequence, time: Fixture.time) }
        #expect(tail.byteCount <= 4096 && tail.position == 1000 && tail.floor > 800)
        #expect(tail.recognise(Cursor(time: Fixture.time, epoch: 7, sequence: 1000), tenant: "acme") == .foreign)
        #expect(tail.recognise(Cursor(time: Fixture.time, epoch: 7, sequence: tail.floor), tenant: "acme") == nil)
        tail.trim(to: Self.retention(first: 901, last: 1000, deleted: [950, 951]))
        #expect(tail.floor == 900)
        let bytes = tail.byteCount
        tail.trim(to: Self.retention(first: 1001, last: 1000))
        #expect(bytes > 0 && tail.byteCount == 0 && tail.floor == 1000)
    }

    /// Entries of tenant `a` at 1, 4, 7, …, of `b` at the others but 20, which is no event, and 21, at which nothing stands; each of the time of
    /// its sequence in milliseconds.
    @Test(
        arguments: [
            ("its own event", 10, 10, .own),
            ("its own place in another past", 10, 9, .different),
            ("later", 10, 11, .different),
            ("no time", 10, 0, .different),
            ("the end of time", 10, 1 << 48, .different),
            ("a heartbeat at another tenant's event", 11, 11, .foreign),
            ("another tenant's event, without a time", 11, 0, .different),
            ("another tenant's event, by an earlier one", 11, 7, .different),
            ("another tenant's event in another past", 11, 5000, .different),
            ("another tenant's event, by the next own one: a gap's", 11, 13, .foreign),
            ("a heartbeat at no event", 20, 20, .foreign),
            ("no event, without a time", 20, 0, .different),
            ("no event, by an earlier event", 20, 19, .different),
            ("no event, by the next own one: a gap's", 20, 22, .foreign),
            ("no event, in another past", 20, 30, .different),
            ("where nothing is known to stand", 21, 20, nil),
            ("behind the last own event, of another time", 30, 29, nil),
            ("what was deleted cannot be compared", 16, 5000, .foreign),
            ("where the tail begins", 5, 5, nil),
            ("beyond the tail", 31, 31, nil),
        ] as [(String, UInt64, Int64, CursorRecognition?)]
    )
    func recognises(name: String, sequence: UInt64, time: Int64, recognition: CursorRecognition?) throws {
        let tail = LogTail(maxBytes: 1 << 20, position: 5)
        for sequence in UInt64(6)...30 where sequence != 21 {
            if sequence == 20 {
                tail.advance(to: 20, time: Timestamp(millisecondsSinceEpoch: Fixture.time.millisecondsSinceEpoch + 20))
            } else {
                tail.append(try Fixture.entry(sequence, tenant: sequence % 3 == 1 ? "a" : "b"))
            }
        }
        tail.trim(to: Self.retention(first: 1, deleted: [16]))
        let base = Fixture.time.millisecondsSinceEpoch
        let milliseconds = time == 0 || time == 1 << 48 ? time : base + time
        let cursor = Cursor(time: Timestamp(millisecondsSinceEpoch: milliseconds), epoch: 7, sequence: sequence)
        #expect(tail.recognise(cursor, tenant: "a") == recognition, "\(name)")
    }

    @Test func aTimeThatIsNowhereAmongManyEventsIsOfAnotherPast() throws {
        let tail = LogTail(maxBytes: 16 << 20)
        for sequence in UInt64(1)...3000 { tail.append(try Fixture.entry(sequence, tenant: "b")) }
        let past = Timestamp(millisecondsSinceEpoch: Fixture.time.millisecondsSinceEpoch - 1)
        tail.append(try Fixture.entry(3001, tenant: "a"))
        #expect(tail.recognise(Cursor(time: past, epoch: 7, sequence: 2000), tenant: "a") == .different)
        #expect(tail.recognise(tail.cursor(at: 2000, epoch: 7), tenant: "a") == .foreign)
        #expect(tail.cursor(at: 4000, epoch: 7).time == Timestamp(millisecondsSinceEpoch: 0))
    }
}

private struct TestFailure: Error {
    let message: String

    init(_ message: String) { self.message = message }
}
