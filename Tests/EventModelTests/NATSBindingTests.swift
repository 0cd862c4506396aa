import Basics
import EventModel
import TestKit
import Testing

@Suite struct NATSBindingTests {
    private static let time = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)

    private func decode(_ subject: String, _ headers: [String: String] = [:], _ body: String = "{}") throws -> Event {
        try NATSBinding.event(
            subject: subject,
            body: bytes(body),
            fallbackID: "seq-7",
            storedAt: Self.time,
            AttributeFields(headers)
        )
    }

    @Test func plainPublishIsAnEvent() throws {
        let event = try decode("events.acme.incident.created", [:], #"{"incidentId":"inc_1"}"#)
        #expect(event.id == "seq-7")
        #expect(event.time == Self.time)
        #expect(event.tenant.text == "acme")
        #expect(event.type.name == "incident.created")
        #expect(event.user == nil && event.source == nil && event.traceparent == nil)
    }

    @Test(arguments: [
        ("events.acme", ["ce-type": "a.b"], "a.b"),
        ("events.acme.a.b", ["ce-type": "a.b"], "a.b"),
        ("events.acme.DECISION.apr_1", ["ce-type": "a.b"], "a.b"),
        ("events.acme.a.b", ["ce-tenant": "acme", "ce-specversion": "1.0"], "a.b"),
    ])
    func takesTheType(_ subject: String, _ headers: [String: String], _ type: String) throws {
        #expect(try decode(subject, headers).type.name == type)
    }

    @Test(arguments: [
        ("events.acme.a.b", ["ce-type": "a.c"], "{}", "ce-type"),
        ("events.acme", [:], "{}", "ce-type"),
        ("events.acme.DECISION.apr_1", [:], "{}", "ce-type"),
        ("events.acme.stream.gap", [:], "{}", "ce-type"),
        ("events.acme.a.b", ["ce-tenant": "other"], "{}", "ce-tenant"),
        ("events.acme.a.b", ["ce-specversion": "0.3"], "{}", "ce-specversion"),
        ("events.acme.a.b", ["ce-userid": ""], "{}", "ce-userid"),
        ("events.acme.a.b", ["ce-time": "soon"], "{}", "ce-time"),
        ("events.acme.a.b", ["ce-user": "ann"], "{}", "ce-user"),
        ("events.acme.a.b", ["CE-User_ID": "ann"], "{}", "ce-\"user_id\""),
        ("events.acme.a.b", ["ce-aaaaaaaaaaaaaaaaaaaaa": "ann"], "{}", "ce-\"aaaaaaaaaaaaaaaaaaaaa\""),
        ("events.acme.a.b", ["ce-datacontenttype": "text/plain"], "{}", "ce-datacontenttype"),
        ("events.acme.approval.requested", [:], #"{"approvalId":"a/../b","remediationId":"r"}"#, "body.approvalId"),
        ("events.acme.approval.requested", [:], #"{"approvalId":"a","remediationId":"r","incidentId":"\u0000"}"#, "body.incidentId"),
        ("events.acme.a.b", ["ce-id": String(repeating: "x", count: 257)], "{}", "ce-id"),
        ("events.acme.a.b", [:], "", "body"),
        ("events.acme.a.b", [:], "[1]", "body"),
        ("events.acme.incident.created", [:], "{}", "body.incidentId"),
        ("events.acme.created", [:], "{}", "subject.type"),
        ("decisions.acme.x", [:], "{}", "subject"),
    ])
    func refuses(_ subject: String, _ headers: [String: String], _ body: String, _ field: String) {
        #expect(fault { try decode(subject, headers, body) }?.field == field)
    }

    @Test func roundTrips() throws {
        var generator = SplitMix64(seed: 7)
        func text(_ fallback: String) -> String {
            let text = RandomText.unicode(maximumScalars: 20, using: &generator).unicodeScalars
                .filter { $0.properties.generalCategory != .control }
            return text.isEmpty ? fallback : String(String.UnicodeScalarView(text))
        }
        for _ in 0..<500 {
            let event = try Event(
                id: EventID(text("id")),
                tenant: Tenant(text("tenant")),
                type: EventType("some.thing_2.happened"),
                user: Bool.random(using: &generator) ? UserID(text("user")) : nil,
                time: Timestamp(millisecondsSinceEpoch: Int64.random(in: 0...4_102_444_800_000, using: &generator)),
                source: Bool.random(using: &generator) ? EventSource(text("source")) : nil,
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                payload: Payload(validating: bytes(#"{"a":1}"#))
            )
            let headers = NATSBinding.headers(of: event)
            for header in headers {
                #expect(header.value.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "nothing that could end a header")
            }
            let decoded = try NATSBinding.event(
                subject: EventSubject.event(tenant: event.tenant, type: event.type),
                body: event.payload.bytes,
                fallbackID: "fallback",
                storedAt: Self.time,
                AttributeFields(headers)
            )
            #expect(decoded == event)
            #expect(decoded.user.map { Array($0.text.utf8) } == event.user.map { Array($0.text.utf8) })
        }
    }

    @Test(arguments: [("100%", "100%"), ("%", "%"), ("%4", "%4"), ("%41", "A"), ("a%2", "a%2"), ("\"", "\""), ("\"a\"", "a")])
    func readsCarelessProducers(_ header: String, _ id: String) throws {
        #expect(try decode("events.acme.a.b", ["ce-id": header]).id.text == id)
    }
}
