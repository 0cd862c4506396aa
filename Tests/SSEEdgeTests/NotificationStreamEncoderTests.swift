import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import EdgeRuntime
@testable import sse_edge

/// The blocks of the notification stream, byte for byte (contract §3, §4).
@Suite struct NotificationStreamEncoderTests {
    private let encoder = NotificationStreamEncoder()
    private static let time = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
    private static let cursor = Cursor(time: time, epoch: 7, sequence: 42)
    private static let id = cursor.text

    private func event(_ payload: String, type: String = "incident.created") throws -> Event {
        Event(
            id: "e",
            tenant: "acme",
            type: try EventType(type),
            user: "ann",
            time: Timestamp(millisecondsSinceEpoch: Self.time.millisecondsSinceEpoch + 7),
            source: "/s",
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            payload: try Payload(validating: Array(payload.utf8))
        )
    }

    @Test(
        "an event's payload stands between type and timestamp, byte for byte on one line",
        arguments: [
            (#"{"incidentId":"inc_1","n":1.10}"#, #""incidentId":"inc_1","n":1.10,"#), ("{}", ""), ("{ }", ""),
            ("{\r\n \"a\" :\n 1 }", #"   "a" :  1 ,"#), (#"{"a":"é\n\u000d","a\/b":[{}]}"#, #""a":"é\n\u000d","a\/b":[{}],"#),
        ]
    )
    func event(payload: String, members: String) throws {
        var bytes: [UInt8] = []
        encoder.append(LogEntry(sequence: 42, intake: Self.time, event: try event(payload)), cursor: Self.cursor, to: &bytes)
        let block = string(bytes)
        let prefix = "id: \(Self.id)\nevent: incident.created\ndata: {\"type\":\"incident.created\","
        let suffix = "\"timestamp\":\"2024-04-01T14:32:10.007Z\"}\n\n"
        #expect(block.hasPrefix(prefix))
        #expect(block.hasSuffix(suffix))
        // White space at both ends of the members is between members too.
        let between = block.dropFirst(prefix.count).dropLast(suffix.count)
        #expect(between.filter { $0 != " " } == members.filter { $0 != " " })
        #expect(block.filter { $0 == "\n" }.count == 4)
        #expect(!block.contains("\r"))
    }

    @Test("a stream opens with its head, the reconnection delay and the cursor, in a block that dispatches nothing")
    func opening() {
        let opening = Opening(
            cursor: Self.cursor,
            retry: .milliseconds(2180),
            head: Array("HEAD\r\n\r\n".utf8),
            tenant: "acme",
            user: "ann",
            time: Self.time
        )
        #expect(string(encoder.opening(opening)) == "HEAD\r\n\r\nretry: 2180\nid: \(Self.id)\n\n")
    }

    @Test("a ping carries the cursor, whether the log is followed or not")
    func ping() {
        for isLive in [true, false] {
            #expect(
                string(encoder.heartbeat(cursor: Self.cursor, time: Self.time, isLive: isLive))
                    == "id: \(Self.id)\nevent: ping\ndata: {}\n\n"
            )
        }
    }

    @Test("a gap has its reason, and the id from which a client resumes")
    func gaps() {
        let before = Cursor(time: Self.time, epoch: 7, sequence: 41).text
        #expect(
            string(encoder.gap(.expired(missedBefore: Self.cursor), time: Self.time))
                == "id: \(before)\nevent: stream.gap\ndata: {\"reason\":\"expired\",\"missedBefore\":\"\(Self.id)\"}\n\n"
        )
        #expect(
            string(encoder.gap(.unknownCursor(current: Self.cursor), time: Self.time))
                == "id: \(Self.id)\nevent: stream.gap\ndata: {\"reason\":\"unknown_cursor\"}\n\n"
        )
    }

    @Test("an unreachable log is reported without an id, and so is its return")
    func standing() {
        #expect(
            string(encoder.standing(.stalled(since: Self.time)))
                == "event: stream.stalled\ndata: {\"since\":\"2024-04-01T14:32:10.000Z\"}\n\n"
        )
        #expect(string(encoder.standing(.live)) == "event: stream.live\ndata: {}\n\n")
    }

    @Test("the last block says the contract's reasons and no other, without an id", arguments: Ending.Kind.allCases)
    func ends(kind: Ending.Kind) {
        let said: Set<String> = ["token_expired", "token_revoked", "draining", "overloaded", "limit", "unavailable"]
        let expected = said.contains(kind.rawValue) ? "event: stream.end\ndata: {\"reason\":\"\(kind.rawValue)\"}\n\n" : ""
        #expect(string(encoder.farewell(Ending(kind, detail: "not for a stream"), retry: nil)) == expected)
        let delayed = expected.isEmpty ? "" : "retry: 1500\n" + expected
        #expect(string(encoder.farewell(Ending(kind), retry: .milliseconds(1500))) == delayed)
    }
}

/// The blocks of an execution stream, byte for byte (contract §9).
@Suite struct ExecutionStreamFormTests {
    private static let reference = ExecutionReference(tenant: "acme", kind: .agents, name: "triage v2")
    private let encoder = ExecutionStreamEncoder(interval: .seconds(15))
    private static let time = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
    private static let cursor = Cursor(time: time, epoch: 7, sequence: 42)

    private func event(_ payload: String) throws -> Event {
        Event(
            id: "e",
            tenant: "acme",
            type: try ExecutionCatalogue.type("progress", of: .agents),
            time: Self.time,
            payload: try Payload(validating: Array(payload.utf8), allowsStreamMembers: true)
        )
    }

    @Test("an event's id is its number and its data the payload as it was published, on one line")
    func event() throws {
        let place = ExecutionPlace(reference: Self.reference, run: "r", number: 17, start: nil, isFinal: false)
        func block(_ payload: String) throws -> String {
            var bytes: [UInt8] = []
            let entry = LogEntry(sequence: 42, intake: Self.time, event: try event(payload), execution: place)
            encoder.append(entry, cursor: Self.cursor, to: &bytes)
            return string(bytes)
        }
        #expect(
            try block(#"{"step":"a","type":"t","progress":0.20}"#)
                == "id: 17\nevent: progress\ndata: {\"step\":\"a\",\"type\":\"t\",\"progress\":0.20}\n\n"
        )
        #expect(try block("{\"progress\":\r\n1}") == "id: 17\nevent: progress\ndata: {\"progress\":  1}\n\n")
    }

    @Test("a tenant's events are not written")
    func tenantEvent() throws {
        var bytes: [UInt8] = []
        let entry = LogEntry(sequence: 42, intake: Self.time, event: try event(#"{"progress":1}"#))
        encoder.append(entry, cursor: Self.cursor, to: &bytes)
        #expect(bytes.isEmpty)
    }

    @Test("opening, heartbeat and gaps have no id: the client's stays a number")
    func others() {
        let opening = Opening(
            cursor: Self.cursor,
            retry: .milliseconds(2180),
            head: Array("HEAD\r\n\r\n".utf8),
            tenant: "acme",
            user: "ann",
            time: Self.time
        )
        #expect(string(encoder.opening(opening)) == "HEAD\r\n\r\nretry: 2180\n\n")
        #expect(string(encoder.heartbeat(cursor: Self.cursor, time: Self.time, isLive: true)) == ": heartbeat\n\n")
        #expect(
            string(encoder.gap(.expired(missedBefore: Self.cursor), time: Self.time))
                == "event: stream.gap\ndata: {\"reason\":\"expired\"}\n\n"
        )
        #expect(
            string(encoder.gap(.unknownCursor(current: Self.cursor), time: Self.time))
                == "event: stream.gap\ndata: {\"reason\":\"unknown_cursor\"}\n\n"
        )
        #expect(
            string(encoder.standing(.stalled(since: Self.time)))
                == "event: stream.stalled\ndata: {\"since\":\"2024-04-01T14:32:10.000Z\"}\n\n"
        )
        #expect(string(encoder.standing(.live)) == "event: stream.live\ndata: {}\n\n")
    }

    @Test("the last block is that of the notification stream; an execution that has ended has none", arguments: Ending.Kind.allCases)
    func ends(kind: Ending.Kind) {
        #expect(
            encoder.farewell(Ending(kind), retry: .seconds(1)) == NotificationStreamEncoder().farewell(Ending(kind), retry: .seconds(1))
        )
        if kind == .finished { #expect(encoder.farewell(Ending(kind), retry: nil).isEmpty) }
    }
}
