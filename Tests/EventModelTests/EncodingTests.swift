import Basics
import EventModel
import Foundation
import TestKit
import Testing

@Suite struct NotificationStreamEncodingTests {
    @Test func looksAsTheContractSays() throws {
        let event = try ReferenceEvent.all[0].event()
        let expected = """
            id: \(someCursor.text)
            event: investigation.progress
            data: {"type":"investigation.progress","incidentId":"inc_EXAMPLE_01JX","message":"Found 10,000 errors across 3 services",\
            "agentName":"log analysis","timestamp":"2024-04-01T14:32:10.000Z"}


            """
        #expect(text { NotificationStreamEncoding.appendEvent(event, cursor: someCursor, to: &$0) } == expected)
    }

    @Test(arguments: ReferenceEvent.all)
    func arrivesWhole(_ sample: ReferenceEvent) throws {
        let event = try sample.event()
        var out = bytes("id: earlier\n\n")
        NotificationStreamEncoding.appendEvent(event, cursor: someCursor, to: &out)
        let received = EventStreamReader(out)
        #expect(received.events.map(\.name) == [sample.type])
        let data = try #require(received.events.first?.data)
        #expect(received.lastEventID == someCursor.text)
        let object = try #require(JSONSerialization.jsonObject(with: Data(data.utf8)) as? NSDictionary)
        var expected = try #require(JSONSerialization.jsonObject(with: Data(sample.json.utf8)) as? [String: Any])
        expected["type"] = sample.type
        expected["timestamp"] = event.time.iso8601
        #expect(object == NSDictionary(dictionary: expected))
    }

    @Test(arguments: [
        ("{}", #"{"type":"a.b","timestamp":"2024-04-01T14:32:10.000Z"}"#),
        (" {\r\n} ", #"{"type":"a.b","timestamp":"2024-04-01T14:32:10.000Z"}"#),
        (#"{ "a" : 1.0 }"#, #"{"type":"a.b", "a" : 1.0 ,"timestamp":"2024-04-01T14:32:10.000Z"}"#),
        ("{\"a\":\r\n[1,\n2]\r}", #"{"type":"a.b","a":  [1, 2] ,"timestamp":"2024-04-01T14:32:10.000Z"}"#),
        (#"{"a":"\n\u000d\u0000"}"#, #"{"type":"a.b","a":"\n\u000d\u0000","timestamp":"2024-04-01T14:32:10.000Z"}"#),
    ])
    func dataIsOneLine(_ json: String, _ data: String) throws {
        let payload = try Payload(validating: bytes(json))
        let event = try Event(id: "x", tenant: Tenant("t"), type: EventType("a.b"), time: someCursor.time, payload: payload)
        let block = text { NotificationStreamEncoding.appendEvent(event, cursor: someCursor, to: &$0) }
        #expect(block == "id: \(someCursor.text)\nevent: a.b\ndata: \(data)\n\n")
    }

    /// Every valid payload gives one event, with one line of data: the payload and two more members.
    @Test func noPayloadBreaksABlock() throws {
        var generator = SplitMix64(seed: 8)
        var checked = 0
        while checked < 300 {
            let json = bytes(RandomText.object(depth: 3, using: &generator))
            guard let payload = try? Payload(validating: json) else { continue }
            checked += 1
            let event = try Event(
                id: "x id: y",
                tenant: Tenant("t"),
                type: EventType("a.b"),
                user: "u\\r\\n",
                time: someCursor.time,
                payload: payload
            )
            var out: [UInt8] = []
            NotificationStreamEncoding.appendEvent(event, cursor: someCursor, to: &out)
            #expect(!out.contains(0x0D) && !out.contains(0))
            #expect(out.count { $0 == 0x0A } == 4)
            let received = EventStreamReader(out)
            #expect(received.events.count == 1)
            #expect(received.lastEventID == someCursor.text)
            let data = try #require(received.events.first?.data)
            let object = try JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: Any]
            #expect(object?["type"] as? String == "a.b")
            #expect(object?["timestamp"] as? String == someCursor.time.iso8601)
        }
    }

    @Test func opensWithoutAnEvent() {
        let opening = text { NotificationStreamEncoding.appendOpening(retryMilliseconds: 2345, cursor: someCursor, to: &$0) }
        #expect(opening == "retry: 2345\nid: \(someCursor.text)\n\n")
        let received = EventStreamReader(bytes(opening))
        #expect(received.events.isEmpty && received.retry == 2345 && received.lastEventID == someCursor.text)
        // A gap follows, which has the place.
        #expect(text { NotificationStreamEncoding.appendOpening(retryMilliseconds: 2345, cursor: nil, to: &$0) } == "retry: 2345\n\n")
    }

    @Test func pings() {
        let ping = text { NotificationStreamEncoding.appendPing(cursor: someCursor, to: &$0) }
        #expect(ping == "id: \(someCursor.text)\nevent: ping\ndata: {}\n\n")
    }

    @Test func reportsGaps() {
        let before = Cursor(time: someCursor.time, epoch: someCursor.epoch, sequence: 41)
        let expired = text { NotificationStreamEncoding.appendGap(.expired(missedBefore: someCursor), to: &$0) }
        #expect(
            expired == "id: \(before.text)\nevent: stream.gap\ndata: {\"reason\":\"expired\",\"missedBefore\":\"\(someCursor.text)\"}\n\n"
        )
        let unknown = text { NotificationStreamEncoding.appendGap(.unknownCursor(current: someCursor), to: &$0) }
        #expect(unknown == "id: \(someCursor.text)\nevent: stream.gap\ndata: {\"reason\":\"unknown_cursor\"}\n\n")
    }

    @Test(arguments: ["overloaded", "limit", "draining", "unavailable", "token_expired", "token_revoked"])
    func ends(_ reason: String) {
        let end = text { NotificationStreamEncoding.appendEnd(reason: reason, to: &$0) }
        #expect(end == "event: stream.end\ndata: {\"reason\":\"\(reason)\"}\n\n")
        let drained = text { NotificationStreamEncoding.appendEnd(reason: reason, retryMilliseconds: 15_000, to: &$0) }
        #expect(drained == "retry: 15000\n" + end)
        #expect(EventStreamReader(bytes(drained)).retry == 15_000)
    }

    @Test(arguments: [(0, "0"), (9, "9"), (10, "10"), (-5, "0"), (Int.max, "9223372036854775807")])
    func writesDelays(_ milliseconds: Int, _ digits: String) {
        let opening = text { NotificationStreamEncoding.appendOpening(retryMilliseconds: milliseconds, cursor: someCursor, to: &$0) }
        #expect(opening.hasPrefix("retry: \(digits)\n"))
    }
}

@Suite struct StreamGapTests {
    /// Reading continues after a cursor: no retained entry may be at or before the gap's.
    @Test(arguments: [(1, 0), (2, 1), (UInt64.max, UInt64.max - 1), (0, 0)] as [(UInt64, UInt64)])
    func resumesBeforeTheFirstKept(_ first: UInt64, _ resumption: UInt64) {
        let gap = StreamGap.expired(missedBefore: Cursor(time: someCursor.time, epoch: 3, sequence: first))
        #expect(gap.resumptionCursor == Cursor(time: someCursor.time, epoch: 3, sequence: resumption))
    }

    @Test func resumesAtTheCurrentPlace() {
        #expect(StreamGap.unknownCursor(current: someCursor).resumptionCursor == someCursor)
    }
}

@Suite struct WorkspaceFrameEncodingTests {
    @Test func framesEvents() throws {
        let event = try ReferenceEvent.all[2].event()
        let plain = text { WorkspaceFrameEncoding.appendEvent(event, id: nil, to: &$0) }
        #expect(plain == #"{"type":"issue.created","payload":\#(ReferenceEvent.all[2].json),"ts":"2024-01-15T10:00:00.000Z"}"#)
        let withID = text { WorkspaceFrameEncoding.appendEvent(event, id: someCursor, to: &$0) }
        #expect(withID == plain.dropLast() + #","id":"\#(someCursor.text)"}"#)
        let stalled = text { WorkspaceFrameEncoding.appendHeartbeat(time: someCursor.time, isLive: false, id: nil, to: &$0) }
        #expect(stalled == #"{"type":"heartbeat","payload":{"ok":false},"ts":"2024-04-01T14:32:10.000Z"}"#)
        let expiry = Timestamp(millisecondsSinceEpoch: 1_711_982_000_000)
        let renewed = text { WorkspaceFrameEncoding.appendAuthenticated(until: expiry, time: someCursor.time, to: &$0) }
        #expect(
            renewed
                == #"{"type":"authenticated","payload":{"expires_at":"2024-04-01T14:33:20.000Z"},"ts":"2024-04-01T14:32:10.000Z"}"#
        )
    }

    @Test(arguments: ReferenceEvent.all)
    func arrivesWhole(_ sample: ReferenceEvent) throws {
        let event = try sample.event()
        let frame = text { WorkspaceFrameEncoding.appendEvent(event, id: nil, to: &$0) }
        let object = try #require(JSONSerialization.jsonObject(with: Data(frame.utf8)) as? NSDictionary)
        #expect(object.count == 3)
        #expect(object["type"] as? String == sample.type)
        #expect(object["ts"] as? String == event.time.iso8601)
        #expect(try object["payload"] as? NSDictionary == JSONSerialization.jsonObject(with: Data(sample.json.utf8)) as? NSDictionary)
    }

    @Test func greets() throws {
        let frame = text {
            WorkspaceFrameEncoding.appendConnected(workspace: "ws_01abc123", user: "u\"\\é", time: someCursor.time, to: &$0)
        }
        #expect(
            frame == """
                {"type":"connected","payload":{"workspace_id":"ws_01abc123","user_id":"u\\"\\\\é"},"ts":"2024-04-01T14:32:10.000Z"}
                """
        )
    }

    @Test func beats() {
        let plain = text { WorkspaceFrameEncoding.appendHeartbeat(time: someCursor.time, isLive: true, id: nil, to: &$0) }
        #expect(plain == #"{"type":"heartbeat","payload":{"ok":true},"ts":"2024-04-01T14:32:10.000Z"}"#)
        let withID = text { WorkspaceFrameEncoding.appendHeartbeat(time: someCursor.time, isLive: true, id: someCursor, to: &$0) }
        #expect(withID == plain.dropLast() + #","id":"\#(someCursor.text)"}"#)
    }

    @Test func reportsGaps() {
        let gap = StreamGap.expired(missedBefore: someCursor)
        let payload = #"{"reason":"expired","missedBefore":"\#(someCursor.text)"}"#
        let plain = text { WorkspaceFrameEncoding.appendGap(gap, time: someCursor.time, includesID: false, to: &$0) }
        #expect(plain == #"{"type":"stream.gap","payload":\#(payload),"ts":"2024-04-01T14:32:10.000Z"}"#)
        let withID = text { WorkspaceFrameEncoding.appendGap(gap, time: someCursor.time, includesID: true, to: &$0) }
        #expect(withID == plain.dropLast() + #","id":"\#(gap.resumptionCursor.text)"}"#)
    }
}

@Suite struct LogStandingTests {
    @Test(arguments: [
        (LogStanding.stalled(since: someCursor.time), "stream.stalled", #"{"since":"2024-04-01T14:32:10.000Z"}"#),
        (.live, "stream.live", "{}"),
    ])
    func isSaid(standing: LogStanding, type: String, payload: String) {
        #expect(text { NotificationStreamEncoding.appendStanding(standing, to: &$0) } == "event: \(type)\ndata: \(payload)\n\n")
        let push = text { JSONRPCPushEncoding.appendStanding(standing, to: &$0) }
        #expect(push == #"{"jsonrpc":"2.0","method":"\#(type)","params":\#(payload)}"#)
    }
}

@Suite struct JSONRPCPushEncodingTests {
    @Test func pushesEvents() throws {
        let event = try ReferenceEvent.all[1].event()
        let plain = text { JSONRPCPushEncoding.appendEvent(event, id: nil, to: &$0) }
        let members = ReferenceEvent.all[1].json.dropFirst().dropLast()
        #expect(
            plain == """
                {"jsonrpc":"2.0","method":"remediation.proposed","params":{\(members),"timestamp":"2024-04-01T14:35:00.000Z"}}
                """
        )
        let withID = text { JSONRPCPushEncoding.appendEvent(event, id: someCursor, to: &$0) }
        #expect(withID == plain.dropLast(2) + #","id":"\#(someCursor.text)"}}"#)
    }

    @Test func pushesEmptyPayloads() throws {
        let event = try Event(id: "x", tenant: Tenant("t"), type: EventType("a.b"), time: someCursor.time, payload: .empty)
        let push = text { JSONRPCPushEncoding.appendEvent(event, id: nil, to: &$0) }
        #expect(push == #"{"jsonrpc":"2.0","method":"a.b","params":{"timestamp":"2024-04-01T14:32:10.000Z"}}"#)
    }

    @Test func neverRepeatsAName() throws {
        let event = try ReferenceEvent.all[2].event()
        let push = text { JSONRPCPushEncoding.appendEvent(event, id: someCursor, to: &$0) }
        #expect(!push.contains(someCursor.text))
        let params = (try JSONSerialization.jsonObject(with: Data(push.utf8)) as? NSDictionary)?["params"] as? NSDictionary
        #expect(params?["id"] as? String == "iss_01abc123")
    }

    @Test func reportsGaps() {
        let push = text { JSONRPCPushEncoding.appendGap(.unknownCursor(current: someCursor), to: &$0) }
        #expect(push == #"{"jsonrpc":"2.0","method":"stream.gap","params":{"reason":"unknown_cursor","id":"\#(someCursor.text)"}}"#)
    }
}

@Suite struct JSONStringTests {
    @Test func anyTextIsQuoted() throws {
        var generator = SplitMix64(seed: 9)
        for _ in 0..<1000 {
            let original = RandomText.unicode(maximumScalars: 30, using: &generator)
            let json = text { JSONString.append(original, to: &$0) }
            #expect(!json.utf8.contains { $0 < 0x20 })
            let payload = try Payload(validating: bytes(#"{"a":\#(json)}"#))
            #expect(payload.string("a").map { Array($0.utf8) } == Array(original.utf8))
            let object = try JSONSerialization.jsonObject(with: Data("[\(json)]".utf8)) as? [String]
            #expect(object == [original])
        }
    }
}
