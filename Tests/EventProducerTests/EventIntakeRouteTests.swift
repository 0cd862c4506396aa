import AccessControl
import Basics
import CausewayProducer
import EventModel
import HTTPTypes
import TestKit
import Testing

@testable import event_producer

@Suite(.throughBothDoors) struct EventIntakeRouteTests {
    static let event = #"{"type":"incident.created","payload":{"incidentId":"inc_1"}}"#

    @Test func takesOneEventIn() async throws {
        let fixture = IntakeFixture()
        try await fixture.run { client in
            let answer = try await client.post(Self.event, token: try await IntakeFixture.token())
            #expect(answer.status == 202)
            #expect(answer.headers[.contentType] == "application/json")
            #expect(answer.headers[values: HTTPField.Name("X-Request-Id")!].count == 1)
            let id = Cursor(time: IntakeFixture.now, epoch: 7, sequence: 1).text
            #expect(answer.body == #"{"accepted":1,"ids":["\#(id)"]}"#)
        }
        let event = try #require(fixture.sink.events.first)
        #expect(event.tenant.text == "acme")
        #expect(event.time == IntakeFixture.now)
        #expect(event.payload.bytes == bytes(#"{"incidentId":"inc_1"}"#))
    }

    @Test func takesAnArrayInAtOnceAndInOrder() async throws {
        let fixture = IntakeFixture()
        let body = "[" + (0..<1000).map { #"{"type":"a.b","payload":{"n":\#($0)}}"# }.joined(separator: ",") + "]"
        try await fixture.run { client in
            let answer = try await client.post(body, token: try await IntakeFixture.token())
            #expect(answer.status == 202)
            #expect(answer.body.hasPrefix(#"{"accepted":1000,"ids":["evt_"#))
        }
        #expect(fixture.sink.calls.first?.map(\.payload.bytes) == (0..<1000).map { bytes(#"{"n":\#($0)}"#) })
    }

    static let cloudEvent = #"{"specversion":"1.0","id":"A1","source":"/m","type":"a.b","userid":"ann","data":{"x":1}}"#

    @Test func takesCloudEventsIn() async throws {
        let fixture = IntakeFixture()
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            #expect(try await client.post(Self.cloudEvent, type: "application/cloudevents+json; charset=UTF-8", token: token).status == 202)
            #expect(try await client.post("[\(Self.cloudEvent)]", type: "application/cloudevents-batch+json", token: token).status == 202)
            let headers = ["ce-specversion": "1.0", "ce-id": "A1", "ce-source": "/m", "ce-type": "a.b", "ce-userid": "ann"]
            #expect(try await client.post(#"{"x":1}"#, token: token, headers: headers).status == 202)
        }
        #expect(fixture.sink.events.count == 3)
        #expect(Set(fixture.sink.events.map(\.id)) == ["A1"])
        #expect(fixture.sink.events.allSatisfy { $0.user == "ann" && $0.payload.bytes == bytes(#"{"x":1}"#) && $0.source == "/m" })
    }

    // MARK: Refusals

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var body = event
        var type: String? = "application/json"
        var headers: [String: String] = [:]
        var roles: Set<Role> = [.admin]
        var method = HTTPRequest.Method.post
        var path = "/v1/events"
        var status: Int
        var code: String
        var says: String
    }

    static let refusals = [
        Refusal(testDescription: "a member", roles: [.member], status: 403, code: "forbidden", says: "admin or producer"),
        Refusal(testDescription: "no role", roles: [], status: 403, code: "forbidden", says: "admin or producer"),
        Refusal(testDescription: "text", type: "text/plain", status: 415, code: "unsupported_media_type", says: "application/json"),
        Refusal(testDescription: "no type", type: nil, status: 415, code: "unsupported_media_type", says: "application/json"),
        Refusal(
            testDescription: "a form",
            type: "application/x-www-form-urlencoded",
            status: 415,
            code: "unsupported_media_type",
            says: "json"
        ),
        Refusal(
            testDescription: "Latin-1",
            type: "application/json; charset=iso-8859-1",
            status: 415,
            code: "unsupported_media_type",
            says: "json"
        ),
        Refusal(
            testDescription: "compressed",
            headers: ["Content-Encoding": "gzip"],
            status: 415,
            code: "unsupported_media_type",
            says: "without Content-Encoding"
        ),
        Refusal(testDescription: "empty", body: "", status: 400, code: "validation_error", says: "body"),
        Refusal(testDescription: "an empty array", body: "[]", status: 400, code: "validation_error", says: "at least one event"),
        Refusal(
            testDescription: "an empty batch",
            body: "[]",
            type: "application/cloudevents-batch+json",
            status: 400,
            code: "validation_error",
            says: "at least one"
        ),
        Refusal(testDescription: "no JSON", body: "{", status: 400, code: "validation_error", says: "body"),
        Refusal(
            testDescription: "an event without a type",
            body: #"{"payload":{}}"#,
            status: 400,
            code: "validation_error",
            says: "type: is missing"
        ),
        Refusal(
            testDescription: "a reserved type",
            body: #"{"type":"stream.end","payload":{}}"#,
            status: 400,
            code: "validation_error",
            says: "type: "
        ),
        Refusal(
            testDescription: "a payload without a required field",
            body: #"{"type":"incident.created","payload":{}}"#,
            status: 400,
            code: "validation_error",
            says: "payload.incidentId: is missing"
        ),
        Refusal(
            testDescription: "the third of three",
            body: "[\(event),\(event),{\"type\":\"a.b\"}]",
            status: 400,
            code: "validation_error",
            says: "[2].payload: is missing"
        ),
        Refusal(
            testDescription: "1001 events",
            body: "[" + Array(repeating: event, count: 1001).joined(separator: ",") + "]",
            status: 400,
            code: "validation_error",
            says: "1000"
        ),
        Refusal(
            testDescription: "a structured event as JSON",
            body: cloudEvent,
            status: 400,
            code: "validation_error",
            says: "specversion"
        ),
        Refusal(
            testDescription: "a native event as CloudEvent",
            type: "application/cloudevents+json",
            status: 400,
            code: "validation_error",
            says: "payload"
        ),
        Refusal(
            testDescription: "an array as one CloudEvent",
            body: "[\(cloudEvent)]",
            type: "application/cloudevents+json",
            status: 400,
            code: "validation_error",
            says: "array"
        ),
        Refusal(
            testDescription: "one CloudEvent as a batch",
            body: cloudEvent,
            type: "application/cloudevents-batch+json",
            status: 400,
            code: "validation_error",
            says: "array"
        ),
        Refusal(
            testDescription: "a binary event without id",
            headers: ["ce-specversion": "1.0", "ce-type": "a.b", "ce-source": "/m"],
            status: 400,
            code: "validation_error",
            says: "ce-id: is missing"
        ),
        Refusal(
            testDescription: "an unknown attribute in a header",
            headers: ["ce-specversion": "1.0", "ce-id": "1", "ce-type": "a.b", "ce-source": "/m", "ce-user": "ann"],
            status: 400,
            code: "validation_error",
            says: "ce-user: is not an attribute"
        ),
        Refusal(
            testDescription: "an unknown attribute in a member",
            body: #"[{"specversion":"1.0","id":"A1","source":"/m","type":"a.b","user":"ann","data":{}}]"#,
            type: "application/cloudevents-batch+json",
            status: 400,
            code: "validation_error",
            says: "[0].user: is not an attribute"
        ),
        Refusal(
            testDescription: "another tenant",
            body: #"{"type":"a.b","payload":{},"tenant":"globex"}"#,
            status: 403,
            code: "forbidden",
            says: "tenant: "
        ),
        Refusal(
            testDescription: "another tenant, second of two",
            body: "[\(event),{\"type\":\"a.b\",\"payload\":{},\"tenant\":\"globex\"}]",
            status: 403,
            code: "forbidden",
            says: "[1].tenant: "
        ),
        Refusal(
            testDescription: "an empty key",
            headers: ["Idempotency-Key": ""],
            status: 400,
            code: "validation_error",
            says: "Idempotency-Key: "
        ),
        Refusal(
            testDescription: "a long key",
            headers: ["Idempotency-Key": String(repeating: "k", count: 257)],
            status: 400,
            code: "validation_error",
            says: "Idempotency-Key: "
        ),
        Refusal(testDescription: "GET", method: .get, status: 405, code: "method_not_allowed", says: "POST"),
        Refusal(testDescription: "another path", path: "/v1/event", status: 404, code: "not_found", says: "path"),
        Refusal(
            testDescription: "a payload of 256 KiB and one byte",
            body: #"{"type":"a.b","payload":{"x":"\#(String(repeating: "x", count: Payload.maximumBytes - 7))"}}"#,
            status: 413,
            code: "payload_too_large",
            says: "payload: must be at most 262144 bytes"
        ),
        Refusal(
            testDescription: "a body beyond the limit",
            body: String(repeating: " ", count: (1 << 20) + 1),
            status: 413,
            code: "payload_too_large",
            says: "1048576"
        ),
    ]

    @Test(arguments: refusals) func refusesAndStoresNothing(_ refusal: Refusal) async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(bodyBytes: 1 << 20))
        try await fixture.run { client in
            let answer = try await client.post(
                refusal.body,
                type: refusal.type,
                token: try await IntakeFixture.token(roles: refusal.roles),
                headers: refusal.headers,
                method: refusal.method,
                path: refusal.path
            )
            #expect(answer.status == refusal.status)
            #expect(answer.member("error") == refusal.code)
            #expect(answer.member("message")?.contains(refusal.says) == true, "\(answer.body)")
            #expect(answer.headers[.contentType] == "application/json")
        }
        #expect(fixture.sink.calls.isEmpty)
    }

    @Test func needsAToken() async throws {
        let fixture = IntakeFixture()
        try await fixture.run { client in
            for fields: HTTPFields in [[:], [.authorization: "Bearer x.y.z"], [.authorization: "Basic YTpi"]] {
                let answer = try await client.send(Self.event, fields)
                #expect(answer.status == 401)
                #expect(answer.member("error") == "unauthorized")
                #expect(answer.headers[.wwwAuthenticate] == "Bearer")
            }
            let token = try await IntakeFixture.token()
            #expect(try await client.send(Self.event, [:], path: "/v1/events?token=\(token)").status == 401, "no token in the query here")
        }
        #expect(fixture.sink.calls.isEmpty)
    }

    @Test func aRepeatedAttributeIsRefused() async throws {
        let fixture = IntakeFixture()
        try await fixture.run { client in
            var fields: HTTPFields = [.authorization: "Bearer \(try await IntakeFixture.token())", .contentType: "application/json"]
            for (name, value) in [
                ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/m"), ("ce-type", "a.b"), ("ce-userid", "ann"),
                ("CE-UserID", "bob"),
            ] {
                fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
            }
            let answer = try await client.send("{}", fields)
            #expect(answer.status == 400)
            #expect(answer.member("message") == "ce-userid: must not be given more than once")
        }
        #expect(fixture.sink.calls.isEmpty)
    }

    @Test func aProducerMayNameAnyTenant() async throws {
        let fixture = IntakeFixture()
        let body =
            #"[{"type":"a.b","payload":{},"tenant":"globex"},{"type":"a.b","payload":{}},{"type":"a.b","payload":{},"tenant":"acme"}]"#
        try await fixture.run { client in
            let token = try await IntakeFixture.token(roles: [.producer])
            #expect(try await client.post(body, token: token).status == 202)
        }
        #expect(fixture.sink.events.map(\.tenant.text) == ["globex", "acme", "acme"])
    }

    // MARK: Duplicates

    @Test func theSameKeyMakesTheSameIDs() async throws {
        let fixture = IntakeFixture()
        let body = "[\(Self.event),\(Self.event),{\"type\":\"a.b\",\"payload\":{},\"id\":\"mine\"}]"
        try await fixture.run { client in
            let ann = try await IntakeFixture.token(subject: "ann")
            let first = try await client.post(body, token: ann, headers: ["Idempotency-Key": "k1"])
            let second = try await client.post(body, token: ann, headers: ["Idempotency-Key": "k1"])
            #expect(first.status == 202 && second.status == 202)
            #expect(first.body == second.body)
            for (token, key) in [
                (ann, "k2"), (try await IntakeFixture.token(subject: "bob"), "k1"),
                (try await IntakeFixture.token(subject: "ann", tenant: "globex"), "k1"),
            ] {
                _ = try await client.post(body, token: token, headers: ["Idempotency-Key": key])
            }
        }
        let calls = fixture.sink.calls.map { $0.map(\.id) }
        #expect(calls.count == 5)
        #expect(calls[0] == calls[1])
        #expect(Set(calls[0]).count == 3, "each event of a request has an id of its own")
        #expect(calls.allSatisfy { $0[2] == "mine" })
        #expect(
            Set([calls[0], calls[2], calls[3], calls[4]].flatMap { $0.prefix(2) }).count == 8,
            "another key, user or tenant is another"
        )
        #expect(calls.joined().allSatisfy { $0.text.utf8.count <= IdentifierKinds.Event.maximumBytes })
        let keys = fixture.sink.keys
        #expect(keys[0] == keys[1] && Set(keys.compactMap(\.self)).count == 4)
    }

    @Test func withoutAKeyEveryRequestIsNew() async throws {
        let fixture = IntakeFixture()
        try await fixture.run { client in
            for _ in 0..<2 { _ = try await client.post(Self.event, token: try await IntakeFixture.token()) }
        }
        #expect(Set(fixture.sink.events.map(\.id)).count == 2)
    }

    // MARK: Errors of the log

    @Test(arguments: [
        (ProducerError.Code.conflict, "[3].id", 409, "conflict", "[3].id: is used."),
        (.conflict, "Idempotency-Key", 409, "conflict", "Idempotency-Key: is used."),
        (.tooLarge, "payload", 413, "payload_too_large", "payload: is used."),
    ])
    func whatTheLogRefusesForEverIsNot503(_ code: ProducerError.Code, _ field: String, _ status: Int, _ name: String, _ says: String)
        async throws
    {
        let fixture = IntakeFixture(sink: RecordingSink(failures: [ProducerError(code, "is used", field: field)]))
        try await fixture.run { client in
            let answer = try await client.post(Self.event, token: try await IntakeFixture.token())
            #expect(answer.status == status && answer.member("error") == name && answer.member("message") == says)
            #expect(answer.headers[.retryAfter] == nil)
        }
    }

    @Test(arguments: [
        (ContentMode.native, "[3].id", "[3].id"), (.structured, "id", "id"), (.batched, "[12].payload.approvalId", "[12].data.approvalId"),
        (.binary, "id", "ce-id"), (.binary, "payload.approvalId", "body.approvalId"), (.binary, "Idempotency-Key", "Idempotency-Key"),
        (.structured, "user", "userid"), (.batched, "[0].type", "[0].type"), (.binary, "payload", "body"),
    ])
    func eachFormHasItsOwnNames(_ form: ContentMode, _ field: String, _ name: String) {
        #expect(form.field(field) == name)
    }

    @Test(arguments: [
        "approval.resolved", "approval.voted", "approval.escalated", "approval.consumed", "remediation.approved", "remediation.rejected",
    ])
    func whatApprovalsWriteTakesAProducersToken(_ type: String) async throws {
        let fixture = IntakeFixture()
        let payload = #"{"approvalId":"a","remediationId":"r","action":"approve","votedBy":"u","consumedBy":"u","step":1}"#
        let body = #"{"type":"\#(type)","payload":\#(payload)}"#
        try await fixture.run { client in
            let refusal = try await client.post("[\(Self.event),\(body)]", token: try await IntakeFixture.token())
            #expect(refusal.status == 400 && refusal.member("error") == "validation_error")
            #expect(refusal.member("message")?.hasPrefix("[1].type: \(type) ") == true, "\(refusal.body)")
            #expect(fixture.sink.calls.isEmpty)
            #expect(try await client.post(body, token: try await IntakeFixture.token(roles: [.producer])).status == 202)
        }
    }

    @Test(arguments: ["webhook.ping", "webhook.disabled"])
    func whatWebhooksWriteTakesAProducersToken(_ type: String) async throws {
        let fixture = IntakeFixture()
        let body = #"{"type":"\#(type)","payload":{"endpointId":"whk_1","reason":"gone","disabledAt":"2024-04-01T14:32:10Z"}}"#
        try await fixture.run { client in
            let refusal = try await client.post("[\(Self.event),\(body)]", token: try await IntakeFixture.token())
            #expect(refusal.status == 400 && refusal.member("error") == "validation_error")
            #expect(refusal.member("message")?.hasPrefix("[1].type: \(type) ") == true, "\(refusal.body)")
            #expect(fixture.sink.calls.isEmpty)
            #expect(try await client.post(body, token: try await IntakeFixture.token(roles: [.producer])).status == 202)
        }
    }

    @Test(arguments: ["ce-id", "ce-unknown", "Idempotency-Key", "X-Tenant-Id"])
    func aValueWhoseBytesWereReplacedIsRefused(_ name: String) async throws {
        let fixture = IntakeFixture()
        try await fixture.run { client in
            let answer = try await client.post(Self.event, token: try await IntakeFixture.token(), headers: [name: "x-\u{FFFD}"])
            #expect(answer.status == 400 && answer.member("message") == "\(name.lowercased()): must be UTF-8", "\(answer.body)")
        }
        #expect(fixture.sink.calls.isEmpty)
    }

    @Test(arguments: [(ProducerError.Code.unavailable, "2"), (.timeout, "2"), (.full, "30"), (.closed, "30")])
    func anUnreachableLogIsUnavailable(_ code: ProducerError.Code, _ retryAfter: String) async throws {
        let fixture = IntakeFixture(sink: RecordingSink(failures: [ProducerError(code, "nats://user@10.0.0.1 is away")]))
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            let answer = try await client.post(Self.event, token: token)
            #expect(answer.status == 503)
            #expect(answer.member("error") == "service_unavailable")
            #expect(answer.headers[.retryAfter] == retryAfter)
            #expect(!answer.body.contains("nats"), "what is behind the intake is nobody's business")
            #expect(try await client.post(Self.event, token: token).status == 202)
        }
    }

    @Test func aLogThatRefusesForGoodIsNotToBeTriedAgain() async throws {
        let fixture = IntakeFixture(sink: RecordingSink(failures: [ProducerError(.refused, "the stream of 10.0.0.1 is sealed")]))
        try await fixture.run { client in
            let answer = try await client.post(Self.event, token: try await IntakeFixture.token())
            #expect(answer.status == 500)
            #expect(answer.member("error") == "internal")
            #expect(answer.headers[.retryAfter] == nil)
            #expect(answer.member("message")?.contains("do not repeat the request") == true)
            #expect(!answer.body.contains("sealed"), "what is behind the intake is nobody's business")
        }
    }

    @Test func refusesWhatDoesNotFitIntoMemory() async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(bodyBytes: 2000, totalBodyBytes: 100))
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            let answer = try await client.post(
                Self.event + String(repeating: " ", count: 100),
                token: token,
                headers: ["Content-Length": "160"]
            )
            #expect(answer.status == 503)
            #expect(answer.headers[.retryAfter] == "1")
            let tooLarge = try await client.post(String(repeating: " ", count: 3000), token: token, headers: ["Content-Length": "3000"])
            #expect(tooLarge.status == 413, "no retry would help")
        }
        #expect(fixture.sink.calls.isEmpty)
    }

    /// Large bodies take long to parse, and all tenants share the parsing threads.
    @Test func aTenantsLargeBodiesAreParsedInTurn() async throws {
        let fixture = IntakeFixture()
        let large = #"{"type":"a.b","payload":{"x":"\#(String(repeating: "x", count: IntakeGate.briefBytes))"}}"#
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            let begun = OneShot<Void>()
            let ended = OneShot<Void>()
            async let turn: Void = fixture.gate.turns.run(for: Tenant("acme")) {
                begun.settle(())
                try? await ended.value()
            }
            try await begun.value()
            async let waiting = client.post(large, token: token)
            #expect(await eventually { fixture.gate.turns.waitingCount == 1 })
            #expect(try await client.post(Self.event, token: token).status == 202, "a small one needs no turn")
            let other = try await IntakeFixture.token(tenant: "globex")
            #expect(try await client.post(large, token: other).status == 202, "another tenant has its own turn")
            #expect(fixture.sink.calls.count == 2)
            ended.settle(())
            await turn
            #expect(try await waiting.status == 202)
        }
        #expect(fixture.sink.events.map(\.tenant.text) == ["acme", "globex", "acme"])
    }
}
