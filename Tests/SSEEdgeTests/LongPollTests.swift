import Basics
import EdgeRuntime
import EventLog
import EventModel
import Foundation
import HTTPAPI
import TestKit
import Testing

@testable import sse_edge

/// Encoding and parsing of the long poll (contract §15). For the end of a batch see `EndPolicyTests`.
@Suite struct LongPollTests {
    private let encoder = LongPollEncoder()

    private func cursor(_ sequence: UInt64) -> Cursor {
        Cursor(time: Timestamp(millisecondsSinceEpoch: 1_700_000_000_000), epoch: 7, sequence: sequence)
    }

    private func event(_ payload: String) throws -> Event {
        Event(
            id: EventID(generated: "e"),
            tenant: Tenant("acme"),
            type: try EventType("incident.created"),
            time: Timestamp(millisecondsSinceEpoch: 1_700_000_000_123),
            payload: try Payload(validating: Array(payload.utf8))
        )
    }

    /// Returns the document as a delivery loop assembles it.
    private func document(_ payloads: [String], gap: StreamGap? = nil, beats: Int = 0) throws -> String {
        let now = Timestamp(millisecondsSinceEpoch: 0)
        var bytes = Array("{\"events\":[".utf8)
        for _ in 0..<beats { bytes += self.encoder.heartbeat(cursor: self.cursor(1), time: now, isLive: true) }
        for (index, payload) in payloads.enumerated() {
            var entry: [UInt8] = []
            let cursor = self.cursor(UInt64(index + 1))
            let logged = LogEntry(sequence: cursor.sequence, intake: cursor.time, event: try self.event(payload))
            self.encoder.append(logged, cursor: cursor, to: &entry)
            bytes += entry.dropFirst(index == 0 ? self.encoder.separatorLength : 0)
        }
        if let gap { bytes += self.encoder.gap(gap, time: now) }
        return String(decoding: bytes + self.encoder.conclusion(cursor: self.cursor(9), gap: gap), as: UTF8.self)
    }

    @Test func anEventIsWrittenWithThePayloadAsItWasPublished() throws {
        let payload = #"{"incidentId" : "é","n":1.0}"#
        let expected =
            #"{"events":[{"id":"\#(self.cursor(1).text)","type":"incident.created","payload":\#(payload),"#
            + #""timestamp":"2023-11-14T22:13:20.123Z"}],"cursor":"\#(self.cursor(9).text)"}"#
        #expect(try self.document([payload]) == expected)
    }

    @Test(arguments: [0, 1, 2, 50], [0, 3])
    func everyDocumentIsJSON(_ count: Int, _ beats: Int) throws {
        let payloads = (0..<count).map { #"{"incidentId":"\#($0)"}"# }
        for gap in [nil, .expired(missedBefore: self.cursor(4)), .unknownCursor(current: self.cursor(9))] as [StreamGap?] {
            let text = try self.document(payloads, gap: gap, beats: beats)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            #expect(
                (object["events"] as? [[String: Any]])?.compactMap { ($0["payload"] as? [String: String])?["incidentId"] }.count == count
            )
            #expect(object["cursor"] as? String == self.cursor(9).text)
            let told = object["gap"] as? [String: String]
            switch gap {
            case nil: #expect(object.count == 2)
            case .expired: #expect(told == ["reason": "expired", "missedBefore": self.cursor(4).text])
            case .unknownCursor: #expect(told == ["reason": "unknown_cursor"])
            }
        }
    }

    @Test func theConclusionSaysAll() {
        for kind in Ending.Kind.allCases { #expect(self.encoder.farewell(Ending(kind), retry: .seconds(1)).isEmpty) }
    }

    @Test(
        arguments: [
            (nil, 100, .seconds(30)), ("limit=1", 1, .seconds(30)), ("limit=1000&wait=0", 1000, .zero), ("wait=60s", 100, .seconds(60)),
            ("wait=500ms", 100, .milliseconds(500)), ("wait=1m", 100, .seconds(60)), ("wait=1.5s", 100, .milliseconds(1500)),
        ] as [(String?, Int, Duration)]
    )
    func whatIsAskedFor(_ query: String?, _ limit: Int, _ wait: Duration) throws {
        let asked = try LongPollQuery(QueryParameters(unbounded: query))
        #expect(asked.limit == limit && asked.wait == wait)
    }

    @Test(
        arguments: [
            "limit=0", "limit=1001", "limit=-1", "limit=%2B5", "limit=", "limit=1.0", "limit=99999999999999999999", "limit=1&limit=1",
            "wait=61s", "wait=-1s", "wait=", "wait=soon", "wait=2m", "wait=1s&wait=1s", "wait=%ff",
        ]
    )
    func whatCannotBeAskedFor(_ query: String) {
        let name = query.prefix { $0 != "=" }
        #expect {
            try LongPollQuery(QueryParameters(unbounded: query))
        } throws: {
            guard let error = $0 as? APIError else { return false }
            return error.code == .validationError && error.message.hasPrefix("\(name): ")
        }
    }
}
