import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Writing from a position")
struct SliceWriterTests {
    /// - Parameter entries: `others` are further recipients beside the user.
    private func chain(_ entries: [(sequence: UInt64, type: String, user: String?, others: [String])]) throws -> PageChain {
        let position = ChainPosition(generation: 0, sequence: 0)
        let chain = PageChain(source: .events(of: Tenant("acme")), encoder: PlainEncoder(), position: position)
        for entry in entries {
            let made = try Fixture.entry(entry.sequence, type: entry.type, user: entry.user, others: entry.others)
            chain.append(
                Array(Fixture.text(made).utf8),
                sequence: made.sequence,
                intake: made.intake,
                recipients: made.event.recipients,
                type: made.event.type,
                budget: .max
            )
        }
        return chain
    }

    private func slice(_ chain: PageChain, after sequence: UInt64, maxBytes: Int = .max) throws -> PageSlice {
        guard case .slice(let slice) = chain.read(after: ChainPosition(generation: 0, sequence: sequence), maxBytes: maxBytes) else {
            throw Unexpected()
        }
        return slice
    }

    private struct Unexpected: Error {}

    @Test("everything of a page that a reader may see is one write")
    func wholeSegment() throws {
        let chain = try self.chain((1...20).map { ($0, "incident.created", nil, []) })
        var sink = ScriptedSink(script: [])
        // The first page of a chain has eight entries, the second one sixteen.
        var progress = DeliveryProgress(sequence: 8)
        let result = SliceWriter.write(
            try self.slice(chain, after: 8),
            progress: &progress,
            audience: Audience(user: "u", filter: nil),
            to: &sink
        )
        #expect(result == .init(outcome: .drained, bytes: sink.written.count, deliveries: 12))
        #expect(sink.calls == 1)
        #expect(progress == DeliveryProgress(sequence: 20))
        let expected = try (9...20).map { Fixture.text(try Fixture.entry($0)) }.joined()
        #expect(String(decoding: sink.written, as: UTF8.self) == expected)
    }

    @Test("pages that a reader may see are one write, filtered or not", arguments: [nil, "incident.*"])
    func severalPages(filter: String?) throws {
        let chain = try self.chain((1...200).map { ($0, "incident.created", nil, []) })
        let slice = try self.slice(chain, after: 3)
        #expect(slice.segments.count > 2)
        var sink = ScriptedSink(script: [])
        var progress = DeliveryProgress(sequence: 3, sentBytes: 2, partialSequence: 4)
        let audience = Audience(user: "u", filter: try filter.map { try TypeFilter(query: $0) })
        let result = SliceWriter.write(slice, progress: &progress, audience: audience, to: &sink)
        #expect(result == .init(outcome: .drained, bytes: sink.written.count, deliveries: 197))
        #expect(sink.calls == 1)
        #expect(progress == DeliveryProgress(sequence: 200))
        let expected = try (4...200).map { Fixture.text(try Fixture.entry($0)) }.joined().dropFirst(2)
        #expect(String(decoding: sink.written, as: UTF8.self) == expected)
    }

    @Test("a run has one type and is for everyone")
    func runs() throws {
        let entries: [(sequence: UInt64, type: String, user: String?, others: [String])] = [
            (1, "incident.created", nil, []), (2, "incident.created", nil, []), (5, "investigation.progress", nil, []),
            (6, "investigation.progress", "ann", []), (7, "investigation.progress", nil, []), (9, "investigation.progress", nil, []),
        ]
        let slice = try self.slice(try self.chain(entries), after: 0)
        let segment = try #require(slice.segments.first)
        #expect((0..<6).map { segment.page.endOfRun($0, in: 0..<6) } == [2, 2, 3, 4, 6, 6])
        #expect(segment.page.endOfRun(4, in: 4..<5) == 5)
    }

    @Test("an error of the sink is reported and moves nothing")
    func failure() throws {
        let chain = try self.chain([(1, "incident.created", nil, [])])
        var sink = ScriptedSink(script: [-1])
        var progress = DeliveryProgress(sequence: 0)
        let result = SliceWriter.write(
            try self.slice(chain, after: 0),
            progress: &progress,
            audience: Audience(user: "u", filter: nil),
            to: &sink
        )
        #expect(result.outcome == .failed)
        #expect(progress == DeliveryProgress(sequence: 0))
    }

    @Test("an entry whose beginning was sent and which is gone is not mistaken for the next", arguments: [true, false])
    func lostEntry(filtered: Bool) throws {
        try self.checkLost(filtered: filtered, (9...10).map { ($0, "incident.created", nil, []) })
        // Only what the reader may not see is left.
        try self.checkLost(filtered: filtered, (9...10).map { ($0, "incident.created", "other", []) })
    }

    private func checkLost(filtered: Bool, _ entries: [(sequence: UInt64, type: String, user: String?, others: [String])]) throws {
        let chain = try self.chain(entries)
        let audience = Audience(user: "u", filter: filtered ? try TypeFilter(query: "incident.*") : nil)
        var sink = ScriptedSink(script: [])
        var progress = DeliveryProgress(sequence: 5, sentBytes: 3, partialSequence: 6)
        let result = SliceWriter.write(try self.slice(chain, after: 5), progress: &progress, audience: audience, to: &sink)
        #expect(result.outcome == .entryLost)
        #expect(sink.written.isEmpty)
    }

    @Test("hidden entries before an entry in progress do not end it")
    func hiddenBefore() throws {
        let chain = try self.chain([(9, "incident.created", "other", []), (10, "incident.created", nil, [])])
        var sink = ScriptedSink(script: [])
        var progress = DeliveryProgress(sequence: 5, sentBytes: 3, partialSequence: 10)
        let slice = try self.slice(chain, after: 5).prefix(through: 9)
        let audience = Audience(user: "u", filter: nil)
        #expect(SliceWriter.write(slice, progress: &progress, audience: audience, to: &sink).outcome == .drained)
        #expect(progress == DeliveryProgress(sequence: 9, sentBytes: 3, partialSequence: 10))
    }

    /// Judges no run as a whole.
    private struct Unsure: EntryFilter {
        let audience: Audience
        var admitsAllShared: Bool { false }

        func verdict(on first: UnsafePointer<PageEntry>, through last: UInt64) -> RunVerdict {
            first.pointee.sequence == last ? self.audience.verdict(on: first, through: last) : .each
        }
    }

    /// Random entries, audiences, short writes and slice sizes: the output has exactly the bytes of the entries for the audience.
    @Test("any sequence of short writes delivers exactly what the audience may see", arguments: 0..<200)
    func randomShortWrites(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let types = ["incident.created", "investigation.progress", "approval.requested"]
        let recipients: [(user: String?, others: [String])] = [
            (nil, []), (nil, []), (nil, []), ("ann", []), ("bob", []), ("bob", ["ann", "cyn"]), ("ann", ["cyn"]), ("cyn", ["bob"]),
        ]
        var sequence: UInt64 = 0
        let entries = (0..<Int.random(in: 1...300, using: &random)).map { _ in
            sequence += UInt64.random(in: 1...5, using: &random)
            let (user, others) = recipients.randomElement(using: &random)!
            return (sequence: sequence, type: types.randomElement(using: &random)!, user: user, others: others)
        }
        let chain = try self.chain(entries)
        let filter = Bool.random(using: &random) ? try TypeFilter(query: "investigation.*,approval.requested") : nil
        let audience = Audience(user: "ann", filter: filter)
        let visible = entries.filter { entry in
            let isForAnn = entry.user == nil || entry.user == "ann" || entry.others.contains("ann")
            return isForAnn && (filter == nil || entry.type != "incident.created")
        }
        let expected = try visible.map { Fixture.text(try Fixture.entry($0.sequence, type: $0.type, user: $0.user)) }.joined()

        var progress = DeliveryProgress(sequence: 0)
        var received: [UInt8] = []
        var deliveries = 0
        var rounds = 0
        while progress.sequence < sequence {
            rounds += 1
            try #require(rounds < 10_000, "no progress")
            // Some take whole batches of spans.
            let script = (0..<4).map { _ in Int.random(in: 0...600, using: &random) * (Bool.random(using: &random) ? 1 : 100) } + [0]
            var sink = ScriptedSink(script: script)
            let slice = try self.slice(chain, after: progress.sequence, maxBytes: Int.random(in: 1...100_000, using: &random))
            let result =
                Bool.random(using: &random)
                ? SliceWriter.write(slice, progress: &progress, audience: audience, to: &sink)
                : SliceWriter.write(slice, progress: &progress, audience: Unsure(audience: audience), to: &sink)
            #expect(result.bytes == sink.written.count)
            deliveries += result.deliveries
            received += sink.written
        }
        #expect(String(decoding: received, as: UTF8.self) == expected)
        #expect(deliveries == visible.count)
        #expect(!progress.isInMidEntry)
    }
}
