import Basics
import Foundation
import TestKit
import Testing

@testable import EventModel

/// Every accepted event can be stored, read back from the bus as the same event, and delivered as valid JSON on one line.
@Suite struct IntakeFuzzTests {
    private static let tokens = [
        "\"type\"", "\"payload\"", "\"tenant\"", "\"user\"", "\"id\"", "\"time\"", "\"incidentId\"", "\"approvalId\"", "\"expiresAt\"",
        "incident.created", "approval.requested", "stream.gap", "ping", "2024-02-30T00:00:00Z", "9999-12-31T23:59:60.999999999+23:59",
        "0000-01-01T00:00:00-23:59", "\"a\":1,\"a\":2", "\"\\u0061\":1,\"a\":2",
    ]
    private static let now = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)

    @Test func nativeForm() throws {
        let seeds = [
            #"{"type":"incident.created","tenant":"acme","user":"ann","id":"e-1","time":"2024-04-01T14:32:10.123Z","payload":{"incidentId":"i"}}"#,
            #"[{"type":"a.b","payload":{}},{"type":"approval.requested","payload":{"approvalId":"a/1","remediationId":"r","title":"t","#
                + #""incidentId":"é","expiresAt":"2030-01-01T00:00:00+01:00","action":{"x":[1,2.5e3,null,true]}}}]"#,
            #"{"type":"approval.requested","payload":{"approvalId":"a","remediationId":"r","risk":"low","fourEyes":true,"requestedBy":"p","groups":"#
                + #"[{"name":"g","roles":["r"],"n":2},{"name":"h","users":["u"]}],"escalation":[{"after":"1h","groups":[{"name":"k","roles":["r"]}]}]}}"#,
            "{ \"type\" : \"load.tick\",\r\n\t\"payload\" : { \"n\" : -0.5 ,\n \"text\" : \"\\ud83d\\ude80 é\" } }",
        ]
        try Fuzzer("intake, native", seeds: seeds, tokens: Self.tokens).run { input in
            guard let drafts = try? EventIntake.events(native: input) else { return }
            try Self.check(drafts)
        }
    }

    @Test func structuredForm() throws {
        let seeds = [
            #"{"specversion":"1.0","id":"1","source":"/s","type":"a.b","tenant":"acme","userid":"ann","data":{"n":1}}"#,
            #"{"specversion":"1.0","id":"é","source":"urn:x","type":"incident.created","time":"2024-04-01T14:32:10Z","#
                + #""datacontenttype":"application/json","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"incidentId":"i"}}"#,
        ]
        let tokens =
            Self.tokens + [
                "\"specversion\"", "\"source\"", "\"userid\"", "\"data_base64\"", "\"data\"", "\"datacontenttype\"", "\"UserId\"",
            ]
        try Fuzzer("intake, structured", seeds: seeds, tokens: tokens).run { input in
            if let draft = try? EventIntake.event(structured: input) { try Self.check([draft]) }
        }
        try Fuzzer("intake, batched", seeds: seeds.map { "[\($0), \($0)]" }, tokens: tokens).run { input in
            if let drafts = try? EventIntake.events(batched: input) { try Self.check(drafts) }
        }
    }

    @Test func binaryForm() throws {
        let seeds = [
            "ce-specversion: 1.0\nce-id: 1\nce-source: /s\nce-type: a.b\nce-tenant: acme\nce-userid: ann\n\n{\"n\":1}",
            "ce-specversion: 1.0\nce-id: caf%C3%A9\nce-source: \"a b\"\nce-type: incident.created\nce-time: 2024-04-01T14:32:10Z\n\n{\"incidentId\":\"i\"}",
        ]
        let tokens =
            Self.tokens + ["ce-id: ", "ce-userid: ", "ce-user: ", "ce-tenant: ", "\nce-", "\n\n", "\"a%20b\"", "%00", "%C3", "\\\""]
        try Fuzzer("intake, binary", seeds: seeds, tokens: tokens).run { input in
            let message = FuzzMessage(input)
            guard let draft = try? EventIntake.event(binary: message.body, message.fields()) else { return }
            try Self.check([draft])
        }
    }

    @Test func executions() throws {
        let seeds = [
            #"{"type":"progress","tenant":"acme","execution":"run-1","id":"e","time":"2024-04-01T14:32:10Z","payload":{"progress":0.25,"step":"s"}}"#,
            #"[{"type":"complete","payload":{"result":"ok","duration":12500}},{"type":"failed","payload":{"error":"e"}}]"#,
            #"[{"type":"step_start","payload":{"stepId":"s/1","name":"n","type":"x","timestamp":1}},{"type":"step_progress","payload":{"stepId":"s","progress":1}}]"#,
        ]
        let tokens =
            Self.tokens + [
                "\"execution\"", "\"stepId\"", "\"progress\"", "progress", "workflow_complete", "step_start", "1.0000000000000001",
            ]
        try Fuzzer("intake, executions", seeds: seeds, tokens: tokens).run { input in
            for kind in ExecutionReference.Kind.allCases {
                guard let drafts = try? ExecutionIntake.events(input, of: kind) else { continue }
                try expect(drafts.count <= EventIntake.maximumEvents, "\(drafts.count) events were accepted")
                for draft in drafts { try Self.check(draft, kind) }
            }
        }
    }

    private static func check(_ drafts: [EventDraft]) throws {
        try expect(drafts.count <= EventIntake.maximumEvents, "\(drafts.count) events were accepted")
        for draft in drafts {
            let tenant = draft.tenant ?? "acme"
            var event = try draft.resolve(tenant: tenant, id: "generated", time: now)
            // Attributes that the intake assigned are not content.
            event.assigned = []
            let headers = NATSBinding.headers(of: event)
            try areSafe(headers)
            let read = try NATSBinding.event(
                subject: EventSubject.event(tenant: tenant, type: event.type),
                body: event.payload.bytes,
                fallbackID: "fallback",
                storedAt: Timestamp(millisecondsSinceEpoch: 0),
                AttributeFields(headers)
            )
            try expect(read == event, "the bus carries \(event) as \(read)")
            try isDeliverable(event)
        }
    }

    private static func check(_ draft: ExecutionDraft, _ kind: ExecutionReference.Kind) throws {
        let reference = ExecutionReference(tenant: draft.tenant ?? "acme", kind: kind, name: "a/b c")
        let place = ExecutionPlace(
            reference: reference,
            run: draft.run ?? "run",
            number: 4_611_686_018_427_387_904,
            start: .max,
            isFinal: draft.isFinal
        )
        let event = Event(
            id: draft.id ?? "generated",
            tenant: reference.tenant,
            type: draft.type,
            time: draft.time ?? now,
            payload: draft.payload
        )
        let headers = NATSBinding.headers(of: event) + ExecutionBinding.headers(of: place)
        try areSafe(headers)
        let (read, readPlace) = try ExecutionBinding.event(
            subject: reference.subject,
            body: event.payload.bytes,
            fallbackID: "fallback",
            storedAt: Timestamp(millisecondsSinceEpoch: 0),
            AttributeFields(headers)
        )
        try expect(read == event, "the bus carries \(event) as \(read)")
        try expect(readPlace.run == place.run && readPlace.number == place.number && readPlace.isFinal == place.isFinal, "\(readPlace)")
        var out: [UInt8] = []
        ExecutionStreamEncoding.appendEvent(number: place.number, type: event.type, payload: event.payload, to: &out)
        try isOneBlock(out)
    }

    /// A header's value cannot inject another header.
    private static func areSafe(_ headers: [(name: String, value: String)]) throws {
        for (name, value) in headers {
            try expect(value.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "the header \(name) would be \(value)")
        }
    }

    /// Every surface's encoding of the event is well-formed.
    private static func isDeliverable(_ event: Event) throws {
        let cursor = Cursor(time: event.time, epoch: 7, sequence: 42)
        var out: [UInt8] = []
        NotificationStreamEncoding.appendEvent(event, cursor: cursor, to: &out)
        try isOneBlock(out)
        out = []
        WorkspaceFrameEncoding.appendEvent(event, id: cursor, to: &out)
        _ = try Payload(validating: out, allowsStreamMembers: true)
        out = []
        JSONRPCPushEncoding.appendEvent(event, id: cursor, to: &out)
        _ = try JSONScanner.scan(out) { scanner throws(JSONSyntaxError) in
            try scanner.scanValue(depth: 0)
            try scanner.finish()
        }
    }

    /// One block of a stream of server-sent events: lines that begin with a field's name, and an empty one at the end.
    private static func isOneBlock(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try expect(!bytes.contains(0x0D) && lines.count >= 3 && lines.suffix(2).allSatisfy(\.isEmpty), "not one block: \(text)")
        for line in lines.dropLast(2) {
            try expect(["id: ", "event: ", "data: "].contains { line.hasPrefix($0) }, "not a line of a block: \(line)")
        }
    }
}

/// A message with fields, written as text: lines `name: value`, an empty line, the body.
struct FuzzMessage {
    private let lines: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)]
    let body: [UInt8]

    init(_ input: [UInt8]) {
        let end = input.firstRange(of: Array("\n\n".utf8)) ?? input.endIndex..<input.endIndex
        body = Array(input[end.upperBound...])
        lines = input[..<end.lowerBound].split(separator: 0x0A).compactMap { line in
            guard let colon = line.firstIndex(of: 0x3A) else { return nil }
            return (line[..<colon], line[line.index(after: colon)...].drop { $0 == 0x20 })
        }
    }

    /// The value of the field `subject`, which stands for the message's subject; empty if absent.
    var subject: String {
        lines.first { $0.name.elementsEqual("subject".utf8) }.map { String(decoding: $0.value, as: UTF8.self) } ?? ""
    }

    /// All fields, collected as at intake.
    func fields() throws(ValidationError) -> AttributeFields {
        var fields = AttributeFields()
        for line in lines { try fields.add(bytes: line.name, line.value) }
        return fields
    }
}
