import Basics
import TestKit
import Testing

@testable import EventModel

/// Any message on the bus is rejected or an event that can be delivered; and a decoded event can be encoded again.
@Suite struct BusFuzzTests {
    private static let storedAt = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
    private static let tokens = [
        "subject: ", "events.", "executions.", ".agents.", ".workflows.", "=00", "=C3=A9", "=2e", "=", "ce-type: ", "ce-userid: ",
        "ce-id: ",
        "ce-time: ", "ce-tenant: ", "ce-specversion: ", "causeway-number: ", "causeway-start: ", "causeway-execution: ", "traceparent: ",
        "causeway-recipients: ", "approval.requested", "\n", "\n\n", "DECISION", "EFFECT", "stream.gap",
    ]

    @Test func events() throws {
        let seeds = [
            "subject: events.acme.incident.created\nce-id: 1\nce-time: 2024-04-01T14:32:10Z\nce-userid: ann\nce-source: /s\n\n{\"incidentId\":\"i\"}",
            "subject: events.acme=2Eeu\nce-type: a.b\nce-id: caf%C3%A9\nce-specversion: 1.0\n\n{\"n\":1}",
            "subject: events.acme.DECISION.apr_1\nce-type: approval.resolved\n\n"
                + #"{"approvalId":"apr_1","remediationId":"r","action":"approve","decidedBy":"ann"}"#,
            "subject: events.acme.DECISION.apr_1\nce-type: approval.resolved\nce-userid: ann\ncauseway-recipients: nina,b%2Cb\n\n"
                + #"{"approvalId":"apr_1","remediationId":"r","action":"approve"}"#,
            "subject: events.acme.DECISION.apr_1.REQUEST\nce-type: approval.requested\nce-userid: ann\n\n"
                + #"{"approvalId":"apr_1","remediationId":"r","groups":[{"name":"g","users":["nina","ann"]}]}"#,
        ]
        try Fuzzer("bus, events", seeds: seeds, tokens: Self.tokens).run { input in
            let message = FuzzMessage(input)
            guard let event = try? Self.event(message.subject, message.body, message.fields()) else { return }
            let fields = try AttributeFields(NATSBinding.headers(of: event))
            let again = try Self.event(EventSubject.event(tenant: event.tenant, type: event.type), event.payload.bytes, fields)
            try expect(again == event, "written and read again, \(event) is \(again)")
            _ = EventCatalogue.notificationText(of: event)
        }
    }

    private static func event(_ subject: String, _ body: [UInt8], _ fields: AttributeFields) throws -> Event {
        try NATSBinding.event(subject: subject, body: body, fallbackID: "7", storedAt: storedAt, fields)
    }

    @Test func executions() throws {
        let seeds = [
            "subject: executions.acme.agents.builder\nce-type: progress\ncauseway-execution: run-1\ncauseway-number: 1\n\n{\"progress\":0.5}",
            "subject: executions.acme.workflows.a=2Fb\nce-type: step_start\ncauseway-execution: %C3%A9\ncauseway-number: 4611686018427387904\n"
                + "causeway-start: 18446744073709551615\nce-id: 1\n\n{\"stepId\":\"s\"}",
        ]
        try Fuzzer("bus, executions", seeds: seeds, tokens: Self.tokens).run { input in
            let message = FuzzMessage(input)
            guard let (event, place) = try? Self.execution(message.subject, message.body, message.fields()) else { return }
            try expect(ExecutionNumber.range.contains(place.number.value), "the number is \(place.number)")
            let fields = try AttributeFields(NATSBinding.headers(of: event) + ExecutionBinding.headers(of: place))
            let again = try Self.execution(place.reference.subject, event.payload.bytes, fields)
            try expect(again.0 == event && again.1 == place, "written and read again, \(event) \(place) is \(again)")
        }
    }

    private static func execution(_ subject: String, _ body: [UInt8], _ fields: AttributeFields) throws -> (Event, ExecutionPlace) {
        try ExecutionBinding.event(subject: subject, body: body, fallbackID: "7", storedAt: storedAt, fields)
    }

    @Test func subjectTokens() throws {
        try Fuzzer("subject token", seeds: ["acme", "a=2Eb", "=C3=A9", "="], tokens: ["=", "=41", "=2e", "=FF"]).run { input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            let token = SubjectToken.encode(text)
            if token.utf8.count <= SubjectToken.maximumBytes {
                try expect(SubjectToken.decode(token)?.utf8.elementsEqual(input) == true, "\(token) is not decoded to what it was made of")
            }
            if let decoded = SubjectToken.decode(text) {
                try expect(SubjectToken.encode(decoded).utf8.elementsEqual(input), "two tokens of one text: \(text)")
            }
        }
    }

    @Test func cloudEventHeaderValues() throws {
        let seeds = ["plain", "caf%C3%A9", "\"a b\"", "\"a\\\"b\"", "100%"]
        try Fuzzer("header value", seeds: seeds, tokens: ["%", "\"", "\\", "%25", "%2"]).run { input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            _ = CloudEventHeaders.decode(text)
            let encoded = CloudEventHeaders.encode(text)
            try expect(
                CloudEventHeaders.decode(encoded)?.utf8.elementsEqual(input) == true,
                "\(encoded) is not decoded to what it was made of"
            )
        }
    }
}
