import Basics
import CausewayProducer
import EventModel
import OperatorCommands
import TestKit
import Testing

@testable import event_producer

@Suite struct LinePublisherTests {
    private let printed = Lines()
    private let complaints = Lines()

    private func run(_ pieces: [String], tenant: String? = "acme", strict: Bool = false, sink: RecordingSink) async throws
        -> LinePublisher.Summary
    {
        let publisher = LinePublisher(
            sink: sink,
            reader: EventReader(tenant: try tenant.map { name throws(ValidationError) in try Tenant(name) }),
            isStrict: strict,
            timeout: .seconds(1),
            print: printed.add,
            complain: complaints.add
        )
        var rest = pieces[...]
        return try await publisher.run { bytes(rest.popFirst() ?? "") }
    }

    private static func line(_ number: Int) -> String { #"{"type":"a.b","id":"e\#(number)","payload":{"n":\#(number)}}"# }

    @Test func publishesInOrderAndPrintsTheCursors() async throws {
        let sink = RecordingSink()
        let summary = try await run([Self.line(1) + "\n" + Self.line(2) + "\n", Self.line(3)], sink: sink)
        #expect(summary == LinePublisher.Summary(stored: 3))
        #expect(sink.calls.map { $0.map(\.id) } == [["e1", "e2"], ["e3"]], "what has come in goes out, and is not waited to be more")
        #expect(sink.events.allSatisfy { $0.tenant.text == "acme" })
        #expect(complaints.all.isEmpty)
        let cursor = Cursor(time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_000), epoch: 7, sequence: 1).text
        #expect(printed.all.count == 3)
        #expect(printed.all.first == #"{"id":"e1","cursor":"\#(cursor)"}"#)
    }

    @Test func saysWhatWasStoredBefore() async throws {
        _ = try await run([Self.line(1) + "\n" + Self.line(1) + "\n"], sink: RecordingSink())
        #expect(printed.all.count == 2)
        #expect(printed.all.last?.hasSuffix(#","duplicate":true}"#) == true)
    }

    @Test func makesIDsForEventsWithout() async throws {
        let sink = RecordingSink()
        _ = try await run(["{\"type\":\"a.b\",\"payload\":{}}\n{\"type\":\"a.b\",\"payload\":{}}\n"], sink: sink)
        #expect(Set(sink.events.map(\.id)).count == 2)
    }

    @Test func theEventsOwnTenantCounts() async throws {
        let sink = RecordingSink()
        let line = #"{"type":"a.b","payload":{},"tenant":"globex"}"#
        _ = try await run([line + "\n" + Self.line(1)], sink: sink)
        #expect(sink.events.map(\.tenant.text) == ["globex", "acme"])
        #expect(try await run([Self.line(1)], tenant: nil, sink: sink).refused == 1)
        #expect(complaints.all == ["line 1: tenant: is missing; name it in the event, or for all events with --tenant"])
    }

    static let badLines = [
        "{", "[]", " [\(line(1))]", #"{"type":"a.b"}"#, #"{"type":"ping","payload":{}}"#, #"{"type":"a.b","payload":{},"usr":"x"}"#,
        "{\"type\":\"a.b\",\"payload\":{\"x\":\"" + String(repeating: "x", count: LineSplitter.Line.maximumEventBytes) + "\"}}",
    ]

    @Test(arguments: badLines) func othersStillGoThrough(_ bad: String) async throws {
        let sink = RecordingSink()
        let summary = try await run([Self.line(1) + "\n\n" + bad + "\n" + Self.line(4) + "\n"], sink: sink)
        #expect(summary == LinePublisher.Summary(stored: 2, refused: 1))
        #expect(sink.events.map(\.id) == ["e1", "e4"])
        #expect(complaints.all.count == 1)
        #expect(complaints.all.first?.hasPrefix("line 3: ") == true)
    }

    @Test(arguments: badLines) func strictEndsAtTheFirstBadLine(_ bad: String) async throws {
        let sink = RecordingSink()
        let summary = try await run([Self.line(1) + "\n" + bad + "\n" + Self.line(3) + "\n", Self.line(4)], strict: true, sink: sink)
        #expect(summary == LinePublisher.Summary(stored: 1, refused: 1, stoppedAtBadLine: true))
        #expect(sink.events.map(\.id) == ["e1"], "what came before it is published")
    }

    @Test func strictEndsAtABadFirstLine() async throws {
        let sink = RecordingSink()
        let summary = try await run(["{\n", Self.line(2)], strict: true, sink: sink)
        #expect(summary.stored == 0 && summary.refused == 1)
        #expect(sink.calls.isEmpty)
    }

    @Test func aConflictIsABadLine() async throws {
        let sink = RecordingSink(conflicts: ["e2"])
        let lines = (1...3).map { Self.line($0) + "\n" }.joined()
        let summary = try await run([lines], sink: sink)
        #expect(summary == LinePublisher.Summary(stored: 2, refused: 1))
        #expect(complaints.all == ["line 2: id: is used"])
        #expect(printed.all.count == 2)
    }

    @Test func strictStoresNothingBehindAConflict() async throws {
        let sink = RecordingSink(failures: [ProducerError(.conflict, "is used", field: "[1].id")], conflicts: ["e2"])
        let lines = (1...3).map { Self.line($0) + "\n" }.joined()
        let summary = try await run([lines, Self.line(4)], strict: true, sink: sink)
        #expect(summary == LinePublisher.Summary(stored: 1, refused: 1, stoppedAtBadLine: true))
        #expect(sink.calls.map { $0.map(\.id.text) } == [["e1"], ["e2"]])
    }

    @Test func endsWhenTheLogFails() async throws {
        let sink = RecordingSink(failures: [ProducerError(.timeout, "no answer")])
        let summary = try await run([Self.line(1) + "\n" + Self.line(2) + "\n", Self.line(3)], sink: sink)
        #expect(summary.stored == 0)
        #expect(summary.failure?.code == .timeout)
        #expect(sink.calls.isEmpty)
        let complaint = "lines 1 to 2: unknown whether stored, and later lines are not published: no answer"
        #expect(complaints.all.first?.hasPrefix(complaint) == true)
    }
}
