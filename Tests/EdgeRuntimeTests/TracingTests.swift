import EventLog
import EventModel
import Logging
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("Traced events", .timeLimit(.minutes(3)))
struct TracingTests {
    private static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let sampled = "00-\(traceID)-00f067aa0ba902b7-01"
    private static let unsampled = "00-\(traceID)-00f067aa0ba902b7-00"

    private static func lines(_ bench: HubBench) -> [LogLines.Line] { bench.lines.named("event delivered") }

    @Test(
        "one line tells to how many an event was delivered; what has no trace is not told",
        arguments: [(sampled, true), (unsampled, false)]
    )
    func oneLine(_ traceparent: String, _ isSampled: Bool) async throws {
        let bench = try HubBench()
        let ann = try await bench.connect()
        let others = [try await bench.connect(user: "bob"), try await bench.connect(filter: "incident.*")]
        let outsiders = [try await bench.connect(filter: "approval.requested"), try await bench.connect(tenant: "globex")]
        bench.append(try Fixture.entry(1))
        bench.append(try Fixture.entry(2, traceparent: traceparent))
        bench.append(try Fixture.entry(3, user: "bob", others: ["cyn"], traceparent: traceparent))
        let last = Fixture.text(bench.append(try Fixture.entry(4)))
        #expect(await ann.read { $0.hasSuffix(last) }.hasSuffix(last))
        #expect(await eventually { Self.lines(bench).count == 2 })
        let lines = Self.lines(bench).sorted { $0["event.id"] ?? "" < $1["event.id"] ?? "" }
        #expect(lines.map { $0["connections"] } == ["3", "1"] && lines.allSatisfy { $0["behind"] == "0" && $0["left_out"] == nil })
        let first = try #require(lines.first)
        #expect(first.level == (isSampled ? .info : .debug))
        #expect(first["trace_id"] == Self.traceID && first["tenant"] == "acme" && first["event.type"] == "incident.created")
        let cursor = try Fixture.entry(2).cursor(epoch: Fixture.epoch)
        #expect(first["event.id"] == cursor.text)
        #expect(first["lag_ms"].flatMap { Int($0) } != nil)
        withExtendedLifetime((others, outsiders)) {}
    }

    @Test("an event without readers is traced, too")
    func withoutReaders() async throws {
        let bench = try HubBench()
        bench.append(try Fixture.entry(1, traceparent: Self.sampled))
        #expect(await eventually { Self.lines(bench).first?["connections"] == "0" })
    }

    @Test("a reader that has not taken it yet is behind, and the line does not wait for it")
    func behind() async throws {
        let bench = try HubBench()
        let stalled = try await bench.connect()
        let payload = #"{"pad":""# + String(repeating: "x", count: 200_000) + #""}"#
        for sequence in UInt64(1)...20 { bench.append(try Fixture.entry(sequence, payload: payload)) }
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        bench.append(try Fixture.entry(21, traceparent: Self.sampled))
        #expect(await eventually { Self.lines(bench).count == 1 })
        #expect(Self.lines(bench).first?["connections"] == "0" && Self.lines(bench).first?["behind"] == "1")
        withExtendedLifetime(stalled) {}
    }

    @Test("a flood of traces is logged in part, with the number left out")
    func flood() async throws {
        let bench = try HubBench()
        let more = DeliveryLog.linesPerSecond + 50
        for sequence in 1...more { bench.append(try Fixture.entry(UInt64(sequence), traceparent: Self.sampled)) }
        bench.clock.now.add(1, ordering: .relaxed)
        bench.append(try Fixture.entry(UInt64(more + 1), traceparent: Self.sampled))
        #expect(await eventually { Self.lines(bench).count == DeliveryLog.linesPerSecond + 1 })
        #expect(Self.lines(bench).compactMap { $0["left_out"] } == ["50"])
    }

    @Test("the one line of a connection's life names the trace of its request")
    func connectionLine() async throws {
        let bench = try HubBench()
        for traceID in [Self.traceID, nil] {
            let pair = try await bench.connect(user: traceID ?? "untraced", traceID: traceID)
            pair.hangUp()
        }
        #expect(await eventually { bench.lines.named("connection ended").count == 2 })
        for line in bench.lines.named("connection ended") {
            #expect(line["trace_id"] == (line["user"] == "untraced" ? nil : Self.traceID) && line.level == .info)
        }
    }
}
