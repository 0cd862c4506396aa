import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

/// An encoding of one execution that is easy to read in a failure: `<run>/<number>|`.
private struct PlainExecutionEncoder: StreamEncoder {
    var name = "plain execution"

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        bytes += Array((entry.execution.map { "\($0.run)/\($0.number)|" } ?? "a tenant's event|").utf8)
    }

    func opening(_ opening: Opening) -> [UInt8] { Array("open|".utf8) }
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] { Array("beat|".utf8) }
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { Array("gap|".utf8) }
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] { ending.kind.isSaidOnSSE ? Array("end \(ending)|".utf8) : [] }
}

/// A hub, a resolver and a log held in an array.
private final class ExecutionBench: Sendable {
    let hub: HubBench
    let resolver: ExecutionResolver
    let reference = ExecutionReference(tenant: Tenant("acme"), kind: .agents, name: "a")
    let encoder = PlainExecutionEncoder()
    var fanout: Fanout { self.hub.fanout }

    init() throws {
        self.hub = try HubBench(encoder: self.encoder)
        self.resolver = ExecutionResolver(log: self.hub.log, history: self.hub.history, fanout: self.hub.fanout, chunkBytes: 4096)
    }

    func entry(
        _ sequence: UInt64,
        _ run: ExecutionRun,
        _ number: UInt64,
        first: UInt64? = nil,
        start: UInt64? = nil,
        isFinal: Bool = false
    ) throws -> LogEntry {
        LogEntry(
            sequence: sequence,
            intake: Timestamp(millisecondsSinceEpoch: 1),
            event: Event(
                id: EventID(generated: "e\(sequence)"),
                tenant: Tenant("acme"),
                type: try ExecutionCatalogue.type(isFinal ? "complete" : "thinking", of: .agents),
                time: Timestamp(millisecondsSinceEpoch: 1),
                payload: .empty
            ),
            execution: ExecutionPlace(
                reference: self.reference,
                run: run,
                number: try #require(ExecutionNumber(number)),
                first: first.flatMap { ExecutionNumber($0) },
                start: start,
                isFinal: isFinal
            )
        )
    }

    /// Appends an entry as the log and the feed do.
    func append(
        _ sequence: UInt64,
        _ run: ExecutionRun,
        _ number: UInt64,
        first: UInt64? = nil,
        start: UInt64? = nil,
        isFinal: Bool = false
    ) throws {
        let entry = try self.entry(sequence, run, number, first: first, start: start, isFinal: isFinal)
        self.hub.log.state.withLock { $0.entries.append(entry) }
        let isFollowed = self.reference.subject.utf8CString.withUnsafeBytes {
            self.fanout.followsExecution(on: UnsafeRawBufferPointer(rebasing: $0.dropLast()))
        }
        if isFollowed { self.fanout.executionAppended(entry) }
        self.fanout.logAdvanced(to: sequence, time: entry.intake)
    }

    func ask(_ run: ExecutionRun? = nil, after number: UInt64? = nil, waits: Bool = false) async throws -> ExecutionAnswer {
        let number = number.flatMap { ExecutionNumber($0) }
        return try await self.resolver.answer(self.reference, in: self.encoder, run: run, after: number, waits: waits)
    }

    /// A viewer's connection.
    func view(
        _ run: ExecutionRun? = nil,
        after number: UInt64? = nil,
        waits: Bool = false,
        encoder: PlainExecutionEncoder? = nil
    ) async throws -> SocketPair {
        guard case .begins(let place, _) = try await self.ask(run, after: number, waits: waits) else {
            throw SystemCallError(call: "no stream", code: 0)
        }
        let start = place.start(in: self.fanout.feed)
        return try await self.hub.connect(
            source: .execution(self.reference),
            start: start,
            end: .atFinalEntry,
            lease: place.lease,
            encoder: encoder
        )
    }

    /// Drops the log's entries before `first`.
    func expire(before first: UInt64, deleted: DeletedSequences = .none) {
        let last = self.hub.log.state.withLock { state in
            state.first = first
            state.entries.removeAll { $0.sequence < first || deleted.contains($0.sequence) }
            return state.entries.last?.sequence ?? first - 1
        }
        self.fanout.logTrimmed(to: LogRetention(epoch: Fixture.epoch, firstSequence: first, lastSequence: last, deleted: deleted))
    }
}

extension ExecutionAnswer {
    /// The start position; nil for another answer.
    fileprivate var sequence: UInt64? { if case .begins(let place, _) = self { place.sequence } else { nil } }
    fileprivate var isUnknown: Bool { if case .unknown = self { true } else { false } }
    fileprivate var isSeenAll: Bool { if case .seenAll = self { true } else { false } }
    /// The first gap notice.
    fileprivate var gap: StreamPlace.Gap? { if case .begins(let place, _) = self { place.gap } else { nil } }
    /// The events delivered.
    fileprivate var run: ExecutionRun? { if case .begins(_, let run) = self { run } else { nil } }
}

@Suite("Viewers of executions", .timeLimit(.minutes(3)))
struct ExecutionViewTests {
    @Test("viewers that come at any moment get the execution from its first event to its last, and then the end")
    func whole() async throws {
        let bench = try ExecutionBench()
        var viewers: [SocketPair] = [try await bench.view(waits: true)]
        for number in UInt64(1)...300 {
            try bench.append(number + 10, "r", number, start: number == 1 ? nil : 11, isFinal: number == 300)
            if number % 60 == 0, number < 300 { viewers.append(try await bench.view()) }
        }
        viewers.append(try await bench.view())
        let expected = "open|" + (1...300).map { "r/\($0)|" }.joined() + "<end>"
        for viewer in viewers { #expect(await viewer.read { _ in false } == expected) }
    }

    @Test("a viewer is done with the final event, whatever begins behind it")
    func endsWithItsExecution() async throws {
        let bench = try ExecutionBench()
        try bench.append(1, "r", 1)
        try bench.append(2, "r", 2, start: 1, isFinal: true)
        try bench.append(3, "s", 1)
        #expect(try await bench.ask().sequence == 2)
        let late = try await bench.view("r", after: 1)
        #expect(await late.read { _ in false } == "open|r/2|<end>")
        let current = try await bench.view()
        #expect(await current.read { $0.hasSuffix("s/1|") } == "open|s/1|")
    }

    @Test("what has left the pages is read from the log")
    func evicted() async throws {
        let bench = try ExecutionBench()
        // More than the bench's page limit of 256 KiB, which includes the pages' index.
        let count = UInt64(6000)
        for number in 1...count { try bench.append(number, "r", number, start: number == 1 ? nil : 1) }
        let recent = try await bench.view(after: count - 10)
        let old = try await bench.view(after: 5)
        let end = "r/\(count)|"
        #expect(await recent.read { $0.hasSuffix(end) } == "open|" + (count - 9...count).map { "r/\($0)|" }.joined())
        #expect(await old.read { $0.hasSuffix(end) } == "open|" + (6...count).map { "r/\($0)|" }.joined())
        #expect(bench.hub.hub.counters.logReads.current > 0, "the test did not test")
    }

    @Test("answers")
    func answers() async throws {
        let bench = try ExecutionBench()
        #expect(try await bench.ask().isUnknown)
        #expect(try await bench.ask(waits: true).sequence == 0)
        try bench.append(5, "r", 1)
        try bench.append(9, "r", 2, start: 5)
        #expect(try await bench.ask().sequence == 4)
        #expect(try await bench.ask(after: 0).sequence == 4)
        #expect(try await bench.ask(after: 1).sequence == 5)
        #expect(try await bench.ask(after: 2).sequence == 9)
        for run in [nil, "r"] as [ExecutionRun?] {
            let beyond = try await bench.ask(run, after: 3)
            #expect(beyond.sequence == 4 && beyond.gap == .unknownCursor)
        }
        #expect(try await bench.ask("q").isUnknown)
        try bench.append(12, "r", 3, start: 5, isFinal: true)
        #expect(try await bench.ask(after: 2).sequence == 9)
        #expect(try await bench.ask(after: 3).isSeenAll)
        try bench.append(13, "s", 4, first: 4)
        #expect(try await bench.ask().sequence == 12)
        #expect(try await bench.ask(after: 4).sequence == 13)
        #expect(try await bench.ask("r", after: 3).isSeenAll)
        #expect(try await bench.ask("r", after: 1).sequence == 5)
        #expect(try await bench.ask("s", after: 3).sequence == 12)
    }

    @Test("an execution that is not there is looked for once, however many ask for it and how often")
    func unknown() async throws {
        let bench = try ExecutionBench()
        for number in UInt64(1)...6 { try bench.append(number, "q", number, start: number == 1 ? nil : 1, isFinal: number == 6) }
        try bench.append(7, "r", 7, first: 7)
        #expect(bench.hub.log.boundsAsked.load(ordering: .relaxed) == 0)
        _ = try await bench.ask()
        // One request for the log's bounds, and one read: loading reuses the result of the first request.
        #expect(bench.hub.log.boundsAsked.load(ordering: .relaxed) == 1)
        #expect(bench.hub.log.executionReads.load(ordering: .relaxed) == 1)
        for _ in 0..<3 {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { try await bench.ask("nobody").isUnknown } }
                for try await isUnknown in group { #expect(isUnknown) }
            }
        }
        #expect(bench.hub.log.executionReads.load(ordering: .relaxed) == 2)
    }

    @Test("a bare number means one place in one execution, for as long as that is kept")
    func numbersGoOn() async throws {
        let bench = try ExecutionBench()
        try bench.append(1, "q", 1, first: 1)
        try bench.append(2, "q", 2, first: 1, start: 1, isFinal: true)
        try bench.append(3, "r", 3, first: 3)
        for number in UInt64(4)...6 { try bench.append(number, "r", number, first: 3, start: 3, isFinal: number == 6) }
        try bench.append(7, "s", 7, first: 7)
        try bench.append(8, "s", 8, first: 7, start: 7)
        #expect(try await bench.ask().sequence == 6)
        for (number, sequence, run) in [(1, 1, "q"), (3, 3, "r"), (5, 5, "r"), (7, 7, "s"), (8, 8, "s")] as [(UInt64, UInt64, ExecutionRun)]
        {
            let answer = try await bench.ask(after: number)
            #expect(answer.sequence == sequence && answer.run == run && answer.gap == nil, "after \(number)")
        }
        for number: UInt64 in [2, 6] { #expect(try await bench.ask(after: number).isSeenAll) }
        // The rest of an earlier execution and its end, whichever execution is current.
        let viewer = try await bench.view(after: 4)
        #expect(await viewer.read { _ in false } == "open|r/5|r/6|<end>")
        // The first execution was dropped completely; the end of the second is kept.
        bench.expire(before: 5)
        let early = try await bench.ask(after: 1)
        #expect(early.run == "s" && early.gap == .expired, "of an execution that is gone")
        let middle = try await bench.ask(after: 3)
        #expect(middle.sequence == 4 && middle.run == "r" && middle.gap == .expired)
        let next = try await bench.ask(after: 4)
        #expect(next.sequence == 4 && next.run == "r" && next.gap == nil, "nothing is missing")
        #expect(try await bench.ask(after: 2).isSeenAll, "the last event of one that is gone")
        bench.expire(before: 8)
        let whole = try await bench.ask()
        #expect(whole.sequence == 7 && whole.gap == .expired, "its first event has left the log")
        #expect(try await bench.ask(after: 7).gap == nil)
        let told = try await bench.view()
        #expect(await told.read { $0.hasSuffix("s/8|") } == "open|gap|s/8|")
    }

    @Test("a name that the log forgot goes on with a higher number, and every edge tells those who come back with a former one")
    func forgottenName() async throws {
        let (veteran, fresh) = (try ExecutionBench(), try ExecutionBench())
        for number in UInt64(1)...5 { try veteran.append(number, "r", number, first: 1, start: number == 1 ? nil : 1) }
        let viewer = try await veteran.view()
        #expect(await viewer.read { $0.hasSuffix("r/5|") } == "open|r/1|r/2|r/3|r/4|r/5|")
        // All events were purged. The producer continues under the same id with the number 2 * 5 + 1.
        try veteran.append(6, "r", 11, first: 11)
        veteran.expire(before: 6)
        fresh.expire(before: 6)
        try fresh.append(6, "r", 11, first: 11)
        for bench in [veteran, fresh] {
            try bench.append(7, "r", 12, first: 11, start: 6)
            for run in [nil, "r"] as [ExecutionRun?] {
                for number: UInt64 in [3, 5] {
                    let answer = try await bench.ask(run, after: number)
                    #expect(answer.sequence == 5 && answer.run == "r" && answer.gap == .expired, "after \(number)")
                }
                let newcomer = try await bench.ask(run)
                #expect(newcomer.sequence == 5 && newcomer.gap == nil)
                #expect(try await bench.ask(run, after: 11).sequence == 6)
            }
        }
        #expect(await viewer.read { $0.hasSuffix("r/12|") } == "r/11|r/12|", "who was there misses nothing, and sees no number twice")
    }

    @Test("an id of an execution that is not the named one gets the named one, without a gap")
    func namedWithAnotherId() async throws {
        let bench = try ExecutionBench()
        for number in UInt64(1)...3 { try bench.append(number, "r", number, first: 1, start: 1, isFinal: number == 3) }
        try bench.append(4, "s", 4, first: 4)
        for number: UInt64 in [1, 3] {
            let answer = try await bench.ask("s", after: number)
            #expect(answer.sequence == 3 && answer.gap == nil, "after \(number)")
        }
    }

    @Test("logs of version 1, where each execution counts from 1, are read")
    func versionOne() async throws {
        let bench = try ExecutionBench()
        for number in UInt64(1)...6 { try bench.append(number, "q", number, start: number == 1 ? nil : 1, isFinal: number == 6) }
        for number in UInt64(1)...3 { try bench.append(number + 10, "r", number, start: number == 1 ? nil : 11, isFinal: number == 3) }
        // The next event that version 2 writes.
        try bench.append(20, "s", 4, first: 4)
        #expect(try await bench.ask().run == "s")
        let former = try await bench.ask(after: 2)
        #expect(former.run == "r" && former.sequence == 12, "the latest that has the number")
        #expect(try await bench.ask(after: 3).isSeenAll)
        #expect(try await bench.ask(after: 4).run == "s")
        #expect(try await bench.ask("q", after: 2).sequence == 2)
    }

    @Test("executions are followed for those who view them, and forgotten a while after the last has gone")
    func forgotten() async throws {
        let fanout = Fanout(epoch: Fixture.epoch, pageBytes: 1 << 20, executionLinger: .milliseconds(1))
        let reference = ExecutionReference(tenant: Tenant("acme"), kind: .agents, name: "a")
        func isFollowed() -> Bool {
            Array(reference.subject.utf8).withUnsafeBytes { fanout.followsExecution(on: $0) }
        }
        #expect(!isFollowed())
        var leases = [ExecutionLease(reference, in: fanout), ExecutionLease(reference, in: fanout)]
        #expect(isFollowed() && fanout.followedExecutions == 1)
        leases.removeLast()
        #expect(isFollowed())
        leases.removeLast()
        #expect(await eventually { !isFollowed() })
        #expect(fanout.followedExecutions == 0)
    }

    @Test("sources share no pages, however alike their names are; of one source, encodings share none")
    func keys() async throws {
        let bench = try ExecutionBench()
        let (fanout, hub) = (bench.fanout, bench.hub.hub)
        let sources: [LogSource] = [
            .events(of: "acme"), .events(of: "globex"), .execution(bench.reference),
            .execution(ExecutionReference(tenant: "globex", kind: .agents, name: "a")),
            .execution(ExecutionReference(tenant: "acme", kind: .workflows, name: "a")),
            .execution(ExecutionReference(tenant: "acme", kind: .agents, name: "a.")),
        ]
        var leases: [ExecutionLease?] = []
        for case .execution(let reference) in sources {
            let answer = try await bench.resolver.answer(reference, in: bench.encoder, run: nil, after: nil, waits: true)
            if case .begins(let place, _) = answer { leases.append(place.lease) }
        }
        #expect(leases.count == 4)
        var chains: Set<ObjectIdentifier> = []
        for source in sources {
            for name in ["one", "two"] {
                let chain = fanout.chain(for: source, encoder: PlainExecutionEncoder(name: name), reader: hub)
                #expect(chain.source == source && chain.encoder.name == name)
                #expect(fanout.chain(for: source, encoder: PlainExecutionEncoder(name: name), reader: hub) === chain)
                chains.insert(ObjectIdentifier(chain))
            }
        }
        #expect(chains.count == 12)
        withExtendedLifetime(leases) {}
    }

    @Test("viewers of one execution in two encodings get the same events, whichever encoding it was loaded in")
    func twoEncodings() async throws {
        let bench = try ExecutionBench()
        for number in UInt64(1)...3 { try bench.append(number, "r", number, start: number == 1 ? nil : 1) }
        let first = try await bench.view()
        #expect(await first.read { $0.hasSuffix("r/3|") } == "open|r/1|r/2|r/3|")
        let second = try await bench.view(encoder: PlainExecutionEncoder(name: "another"))
        #expect(await second.read { $0.hasSuffix("r/3|") } == "open|r/1|r/2|r/3|", "read from the log: its pages begin here")
        try bench.append(4, "r", 4, start: 1, isFinal: true)
        for viewer in [first, second] { #expect(await viewer.read { _ in false } == "r/4|<end>") }
        #expect(bench.hub.log.executionReads.load(ordering: .relaxed) >= 2, "the test did not test")
    }

    @Test("viewers are notified of a recreated log")
    func replaced() async throws {
        let bench = try ExecutionBench()
        try bench.append(1, "r", 1)
        let viewer = try await bench.view()
        #expect(await viewer.read { $0.hasSuffix("r/1|") } == "open|r/1|")
        bench.fanout.logReplaced(epoch: 9, position: 0)
        let entry = try bench.entry(1, "s", 1)
        bench.fanout.executionAppended(entry)
        #expect(await viewer.read { $0.hasSuffix("s/1|") } == "gap|s/1|")
    }
}

@Suite struct ExecutionTrackTests {
    private func place(_ run: ExecutionRun, _ number: ExecutionNumber, isFinal: Bool = false) throws -> ExecutionPlace {
        let reference = ExecutionReference(tenant: Tenant("acme"), kind: .agents, name: "a")
        return ExecutionPlace(reference: reference, run: run, number: number, start: nil, isFinal: isFinal)
    }

    @Test func takesEachNumberOnceAndNothingBehindTheEnd() throws {
        var track = ExecutionTrack()
        #expect(track.place(after: nil) == nil)
        #expect(track.take(try place("r", 1), sequence: 10))
        #expect(!track.take(try place("r", 1), sequence: 11), "a number that was there")
        #expect(track.take(try place("r", 3), sequence: 12), "the log may have lost one")
        #expect(!track.take(try place("r", 2), sequence: 13))
        #expect(track.take(try place("r", 4, isFinal: true), sequence: 14))
        #expect(!track.take(try place("r", 5), sequence: 15))
        #expect(track.place(after: 1) == .expired(after: 10), "2 was there, and nobody knows who saw it")
        #expect(track.place(after: 2) == .after(10))
        #expect(track.place(after: 3) == .after(12))
        #expect(track.place(after: 4) == .seenAll)
        #expect(track.place(after: 5) == .beyondEnd)
        #expect(track.take(try place("s", 1), sequence: 16))
        #expect(track.run == "s" && track.lastNumber == 1 && !track.isEnded)
    }

    @Test func anExecutionWhoseBeginningTheLogHasForgottenBeginsWhereItIsKept() throws {
        var track = ExecutionTrack()
        for number in UInt64(50)...60 {
            #expect(track.take(try place("r", try #require(ExecutionNumber(number))), sequence: number + 100))
        }
        #expect(track.place(after: nil) == .expired(after: 149))
        #expect(track.place(after: 7) == .expired(after: 149))
        #expect(track.place(after: 49) == .after(149), "nothing is missing")
        #expect(track.place(after: 55) == .after(155))
    }
}
