import Basics
import EventModel
import OperatorCommands
import TestKit
import Testing

@testable import event_producer

@Suite struct EventReaderTests {
    @Test func completesADraft() throws {
        let now = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
        var generator = SplitMix64(seed: 1)
        let reader = EventReader(tenant: Tenant("acme"))
        let line = LineSplitter.Line(
            number: 1,
            bytes: bytes(#" {"type":"a.b","payload":{ "x" : 1 },"user":"ann","time":"2024-01-01T00:00:00Z"} "#)
        )
        let event = try reader.event(line, now: now, using: &generator)
        #expect(event.user == "ann")
        #expect(event.time.iso8601 == "2024-01-01T00:00:00.000Z")
        #expect(event.payload.bytes == bytes(#"{ "x" : 1 }"#))
        #expect(event.id.text.utf8.count == 26)
        let plain = try reader.event(
            LineSplitter.Line(number: 2, bytes: bytes(#"{"type":"a.b","payload":{}}"#)),
            now: now,
            using: &generator
        )
        #expect(plain.time == now && plain.user == nil && plain.id != event.id)
    }
}
