import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

/// An encoding of batches that is easy to read in a failure: `head[1,2,3]<cursor>`, with the gap behind it.
private struct PlainBatchEncoder: StreamEncoder {
    var name: String { "batch" }
    var separatorLength: Int { 2 }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        let filler = max(0, entry.event.payload.bytes.count - 100)
        bytes += Array("; \(cursor.sequence)".utf8) + Array(String(repeating: "x", count: filler).utf8)
    }

    func opening(_ opening: Opening) -> [UInt8] { opening.head + Array("[".utf8) }
    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] { Array("~".utf8) }
    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] { [] }
    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] { Array("(\(ending))".utf8) }

    func conclusion(cursor: Cursor, gap: StreamGap?) -> [UInt8] {
        let missed =
            switch gap {
            case nil: ""
            case .expired(let first): " expired before \(first.sequence)"
            case .unknownCursor: " unknown"
            }
        return Array("]\(cursor.text)\(missed)".utf8)
    }
}

/// The parsed response of a client.
private struct PlainBatch: Equatable {
    var sequences: [UInt64]
    var cursor: Cursor
    var gap: String
    var ending: String

    init?(_ text: String) {
        let parts = text.split(whereSeparator: { "[]()".contains($0) }).map(String.init)
        guard text.hasPrefix("head|["), text.hasSuffix(")<end>"), let entriesEnd = text.firstIndex(of: "]") else { return nil }
        let entries = text[..<entriesEnd].dropFirst("head|[".count).filter { $0 != "x" && $0 != "~" }
        let told = parts[parts.count - 3].split(separator: " ", maxSplits: 1).map(String.init)
        guard let cursor = told.first.flatMap({ Cursor($0) }) else { return nil }
        // An unreadable entry, for example after an extra separator, makes the whole batch invalid.
        let numbers = entries.isEmpty ? [] : String(entries).split(separator: "; ", omittingEmptySubsequences: false).map { UInt64($0) }
        guard numbers.allSatisfy({ $0 != nil }) else { return nil }
        self.sequences = numbers.compactMap { $0 }
        self.cursor = cursor
        self.gap = told.count > 1 ? told[1] : ""
        self.ending = parts[parts.count - 2]
    }
}

@Suite("Streams that end by themselves", .timeLimit(.minutes(3)))
struct EndPolicyTests {
    private func bench(tailBytes: Int = 64 << 20, configure: (inout EdgeConfiguration) -> Void = { _ in }) throws -> HubBench {
        try HubBench(tailBytes: tailBytes, encoder: PlainBatchEncoder(), configure: configure)
    }

    private func batch(_ entries: Int = 100, bytes: Int = 1 << 20, wait: Duration = .zero) -> EndPolicy {
        .afterBatch(BatchLimits(entries: entries, bytes: bytes, wait: wait))
    }

    /// Returns the complete response.
    private func received(_ client: SocketPair) async throws -> PlainBatch {
        let text = await client.read { _ in false }
        return try #require(PlainBatch(text), "\(text.prefix(300))")
    }

    private func cursor(_ sequence: UInt64) -> Cursor {
        Cursor(time: Timestamp(millisecondsSinceEpoch: Int64(1_700_000_000_000 + sequence)), epoch: Fixture.epoch, sequence: sequence)
    }

    @Test("what is there is sent at once, and the cursor is the feed's place", arguments: [Duration.zero, .seconds(3600)])
    func backlog(_ wait: Duration) async throws {
        let bench = try self.bench()
        for sequence in UInt64(1)...5 { bench.append(try Fixture.entry(sequence)) }
        bench.append(try Fixture.entry(6, tenant: "globex"))
        let got = try await self.received(try await bench.connect(start: HubBench.after(2), end: self.batch(wait: wait)))
        #expect(got.sequences == [3, 4, 5] && got.cursor == self.cursor(6) && got.ending == "finished" && got.gap.isEmpty)
    }

    @Test("batch by batch a client gets everything once, from memory and from the log", arguments: [1, 7, 50, 1000], [4096, 64 << 20])
    func batches(_ limit: Int, _ tailBytes: Int) async throws {
        let bench = try self.bench(tailBytes: tailBytes)
        for sequence in UInt64(1)...300 {
            let others = sequence % 7 == 0 ? ["ann", "cyn"] : ["cyn"]
            let tenant = sequence % 3 == 0 ? "globex" : "acme"
            bench.append(try Fixture.entry(sequence, tenant: tenant, user: sequence % 5 == 0 ? "bob" : nil, others: others))
        }
        let own = (UInt64(1)...300).filter { !$0.isMultiple(of: 3) }
        let expected = own.filter { !$0.isMultiple(of: 5) || $0.isMultiple(of: 7) }
        var sequences: [UInt64] = []
        var start = HubBench.after(0)
        while sequences.count < expected.count {
            let got = try await self.received(try await bench.connect(start: start, end: self.batch(limit)))
            #expect(got.sequences.count <= limit && got.ending == "finished")
            // A cursor whose time differs from that of its entry would not be recognised.
            #expect(got.cursor.time == self.cursor(got.cursor.sequence).time)
            guard !got.sequences.isEmpty || got.cursor.sequence < 300 else { break }
            sequences += got.sequences
            start = .after(got.cursor)
        }
        #expect(sequences == expected)
        if tailBytes == 4096 { #expect(bench.hub.counters.logReads.current > 0, "the test did not test") }
    }

    @Test("a batch that is full of bytes ends; one entry fits always")
    func bytes() async throws {
        let bench = try self.bench()
        let payload = #"{"pad":""# + String(repeating: "p", count: 1090) + #""}"#
        for sequence in UInt64(1)...10 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        let got = try await self.received(try await bench.connect(start: HubBench.after(0), end: self.batch(bytes: 3000)))
        #expect(got.sequences == [1, 2, 3] && got.cursor == self.cursor(3) && got.cursor.time == self.cursor(3).time)
        let one = try await self.received(try await bench.connect(start: HubBench.after(3), end: self.batch(bytes: 1)))
        #expect(one.sequences == [4])
    }

    @Test("a client that waits is answered with the first entry for it")
    func waits() async throws {
        let bench = try self.bench()
        bench.append(try Fixture.entry(1))
        let client = try await bench.connect(filter: "approval.*", end: self.batch(wait: .seconds(3600)))
        #expect(await client.read { $0.hasSuffix("[") } == "head|[")
        bench.append(try Fixture.entry(2))
        bench.append(try Fixture.entry(3, type: "approval.requested", user: "bob", payload: "{}"))
        bench.append(try Fixture.entry(4, tenant: "globex", type: "approval.requested", payload: "{}"))
        bench.append(try Fixture.entry(5, type: "approval.requested", payload: "{}"))
        let got = try #require(PlainBatch("head|[" + (await client.read { _ in false })))
        #expect(got.sequences == [5] && got.cursor == self.cursor(5))
    }

    @Test("a client that has waited long enough gets an empty batch and the feed's place")
    func deadline() async throws {
        let bench = try self.bench()
        bench.append(try Fixture.entry(1))
        bench.append(try Fixture.entry(2, tenant: "globex"))
        let client = try await bench.connect(start: HubBench.after(0), filter: "approval.*", end: self.batch(wait: .milliseconds(300)))
        let got = try await self.received(client)
        #expect(got.sequences.isEmpty && got.cursor == self.cursor(2) && got.cursor.time == self.cursor(2).time)
    }

    @Test("waiting clients get heartbeats")
    func heartbeats() async throws {
        let bench = try self.bench { $0.heartbeatInterval = .milliseconds(100) }
        let client = try await bench.connect(end: self.batch(wait: .seconds(3600)))
        #expect(await client.read { $0.hasSuffix("~~") }.hasPrefix("head|[~~"))
        bench.append(try Fixture.entry(1))
        #expect(await client.read { _ in false }.drop { $0 == "~" }.hasPrefix("1]"))
    }

    @Test("a client whose wait ended advances batch by batch through filtered-out history")
    func filteredPast() async throws {
        let bench = try self.bench(tailBytes: 4096)
        for sequence in UInt64(1)...100 { bench.append(try Fixture.entry(sequence)) }
        var position = self.cursor(0)
        for _ in 0..<100 where position.sequence < 100 {
            let client = try await bench.connect(start: .after(position), filter: "nothing.*", end: self.batch())
            let got = try await self.received(client)
            #expect(got.sequences.isEmpty && got.cursor > position && got.cursor.time == self.cursor(got.cursor.sequence).time)
            position = got.cursor
        }
        #expect(position == self.cursor(100))
    }

    @Test("a gap is answered at once, with the retained events")
    func gaps() async throws {
        let bench = try self.bench()
        for sequence in UInt64(1)...3 { bench.append(try Fixture.entry(sequence)) }
        let wait = self.batch(wait: .seconds(3600))
        let unknown = try await self.received(try await bench.connect(start: .unknownCursor, end: wait))
        #expect(unknown.sequences.isEmpty && unknown.cursor == self.cursor(3) && unknown.gap == "unknown")
        let expired = try await self.received(try await bench.connect(start: .expired(missedBefore: self.cursor(2)), end: wait))
        #expect(expired.sequences == [2, 3] && expired.cursor == self.cursor(3) && expired.gap == "expired before 2")
        #expect(bench.hub.counters.gaps.current == 2)
    }

    @Test("a log recreated during a wait is reported at once")
    func replaced() async throws {
        let bench = try self.bench()
        bench.append(try Fixture.entry(5))
        let client = try await bench.connect(end: self.batch(wait: .seconds(3600)))
        #expect(await client.read { $0.hasSuffix("[") } == "head|[")
        bench.fanout.logReplaced(epoch: 8, position: 2)
        let got = try #require(PlainBatch("head|[" + (await client.read { _ in false })))
        #expect(got.sequences.isEmpty && got.gap == "unknown" && got.cursor.epoch == 8 && got.cursor.sequence == 2)
    }

    @Test("a drain answers those who wait at once, whatever its window; streams have it")
    func drain() async throws {
        let bench = try self.bench()
        bench.append(try Fixture.entry(1))
        let client = try await bench.connect(end: self.batch(wait: .seconds(3600)))
        let stream = try await bench.connect()
        async let drained: Void = bench.hub.drainConnections(window: .seconds(3600))
        let got = try await self.received(client)
        #expect(got.sequences.isEmpty && got.cursor == self.cursor(1) && got.ending == "draining")
        #expect(await stream.read { $0.hasSuffix("[") } == "head|[")
        client.hangUp()
        stream.hangUp()
        await drained
        #expect(bench.endedCount == 2)
    }

    @Test("an expired token ends the wait, with the cursor to resume from")
    func expiry() async throws {
        let bench = try self.bench()
        let client = try await bench.connect(expiresAt: 1005, end: self.batch(wait: .seconds(3600)))
        bench.clock.now.store(1005, ordering: .relaxed)
        let got = try await self.received(client)
        #expect(got.sequences.isEmpty && got.cursor.sequence == 0 && got.ending == "token_expired")
    }

    @Test("a slow reader gets the whole batch, and later events with the next one")
    func slowReader() async throws {
        let bench = try self.bench(tailBytes: 32 * 1024)
        let payload = #"{"pad":""# + String(repeating: "p", count: 20_000) + #""}"#
        for sequence in UInt64(1)...60 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        let client = try await bench.connect(start: HubBench.after(0), end: self.batch(50, bytes: 10 << 20, wait: .seconds(3600)))
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        for sequence in UInt64(61)...100 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        let got = try await self.received(client)
        #expect(got.sequences == Array(1...50) && got.cursor == self.cursor(50) && got.cursor.time == self.cursor(50).time)
    }

    @Test("a client that disconnects during its wait leaks nothing")
    func hangUp() async throws {
        let bench = try self.bench()
        for round in 1...6 {
            var clients: [SocketPair] = []
            for _ in 0..<100 { clients.append(try await bench.connect(end: self.batch(wait: .seconds(3600)))) }
            for client in clients { client.hangUp() }
            #expect(await eventually { bench.endedCount == round * 100 })
        }
        #expect(await eventually { bench.fanout.chainCount == 0 })
        #expect(await bench.hub.deadlines.count < 600)
    }

    @Test("a stream that ends with its final entry ends with nothing else")
    func finalEntry() async throws {
        let bench = try HubBench()
        let client = try await bench.connect(end: .atFinalEntry)
        bench.append(try Fixture.entry(1))
        #expect(await client.read { $0.contains("1:") } == "head|open 0|" + Fixture.text(try Fixture.entry(1)))
        bench.append(try Fixture.entry(2))
        #expect(await client.read { $0.contains("2:") } == Fixture.text(try Fixture.entry(2)))
    }
}
