import Basics
import EventModel
import TestKit
import Testing

/// The native form of contract §10.
@Suite struct NativeIntakeTests {
    @Test func readsOne() throws {
        let payload = "{ \"incidentId\" : \"inc_1\",\r\n \"n\" : 1.0e+2 }"
        let body = """
             { "user" : "us\\u0065r/1" , "payload" : \(payload) , "id":"e-1","time":"2024-04-01T16:32:10.5+02:00","tenant":"ten é",
               "type":"incident.created" }
            """
        let draft = try #require(EventIntake.events(native: bytes(body)).first)
        #expect(draft.type.name == "incident.created")
        #expect(draft.payload.bytes == bytes(payload), "the payload is a slice of the body")
        #expect(draft.payload.string("incidentId") == "inc_1")
        #expect(draft.tenant?.text == "ten é")
        #expect(draft.user == "user/1")
        #expect(draft.id == "e-1")
        #expect(draft.time?.iso8601 == "2024-04-01T14:32:10.500Z")
        #expect(draft.source == nil)
    }

    @Test func leavesOpenWhatIsLeftOut() throws {
        let draft = try #require(EventIntake.events(native: bytes(#"{"type":"a.b","payload":{}}"#)).first)
        #expect(draft.tenant == nil && draft.user == nil && draft.id == nil && draft.time == nil)
        let event = try draft.resolve(tenant: Tenant("t"), id: "made", time: Timestamp(millisecondsSinceEpoch: 7))
        #expect(event.id == "made")
        #expect(event.time.millisecondsSinceEpoch == 7)
        #expect(event.tenant.text == "t")
    }

    @Test func readsMany() throws {
        let body = " [ " + (0..<1000).map { #"{"type":"a.b","payload":{"n":\#($0)}}"# }.joined(separator: " ,\n") + " ] "
        let drafts = try EventIntake.events(native: bytes(body))
        #expect(drafts.count == 1000)
        for (index, draft) in drafts.enumerated() { #expect(draft.payload.bytes == bytes(#"{"n":\#(index)}"#)) }
        #expect(fault { try EventIntake.events(native: bytes("[ ]")) }?.field == "body")
    }

    @Test func boundsTheBatch() {
        let body = "[" + Array(repeating: #"{"type":"a.b","payload":{}}"#, count: 1001).joined(separator: ",") + "]"
        let error = fault { try EventIntake.events(native: bytes(body)) }
        #expect(error?.field == "body")
        #expect(error?.message.contains("1000") == true)
    }

    @Test(arguments: [
        ("", "body"), ("null", "body"), ("1", "body"), ("\"x\"", "body"), ("{", "body"), (#"{"type":"a.b","payload":{}}x"#, "body"),
        (#"{"type":"a.b","payload":{}},"#, "body"), (#"[{"type":"a.b","payload":{}},]"#, "body"),
        (#"[{"type":"a.b","payload":{}}"#, "body"),
        (#"{"type":"a.b","payload":{},}"#, "body"), (#"{"type":"a.b","payload":{},"type":"a.b"}"#, "body"),
        (#"{"type":"a.b","payload":{},"t\u0079pe":"a.b"}"#, "body"),
        (#"{"type":"a.b","payload":{},"userId":"u"}"#, "body"), (#"{"type":"a.b","payload":{},"Tenant":"u"}"#, "body"),
        ("{}", "type"), (#"{"payload":{}}"#, "type"), (#"{"type":"a.b"}"#, "payload"),
        (#"{"type":"A.b","payload":{}}"#, "type"), (#"{"type":1,"payload":{}}"#, "type"), (#"{"type":null,"payload":{}}"#, "type"),
        (#"{"type":"ping","payload":{}}"#, "type"), (#"{"type":"heartbeat","payload":{}}"#, "type"),
        (#"{"type":"connected","payload":{}}"#, "type"), (#"{"type":"stream.end","payload":{}}"#, "type"),
        (#"{"type":"a.b","payload":[]}"#, "payload"), (#"{"type":"a.b","payload":"{}"}"#, "payload"),
        (#"{"type":"a.b","payload":null}"#, "payload"),
        (#"{"type":"a.b","payload":{"a":}}"#, "payload"), (#"{"type":"a.b","payload":{"timestamp":1}}"#, "payload.timestamp"),
        (#"{"type":"incident.created","payload":{}}"#, "payload.incidentId"),
        (approval(#""tomorrow""#), "payload.expiresAt"), (approval(#""2024-04-01T14:32:10""#), "payload.expiresAt"),
        (approval("1711981930"), "payload.expiresAt"),
        (#"{"type":"a.b","payload":{},"tenant":""}"#, "tenant"), (#"{"type":"a.b","payload":{},"tenant":null}"#, "tenant"),
        (#"{"type":"a.b","payload":{},"tenant":"a\nb"}"#, "tenant"),
        (#"{"type":"a.b","payload":{},"user":null}"#, "user"), (#"{"type":"a.b","payload":{},"user":""}"#, "user"),
        (#"{"type":"a.b","payload":{},"user":"\#(String(repeating: "u", count: 257))"}"#, "user"),
        (#"{"type":"a.b","payload":{},"user":"\#(String(repeating: "u", count: 5000))"}"#, "user"),
        (#"{"type":"a.b","payload":{},"id":""}"#, "id"), (#"{"type":"a.b","payload":{},"id":7}"#, "id"),
        (#"{"type":"a.b","payload":{},"id":"a\r\nNats-Msg-Id: b"}"#, "id"),
        (#"{"type":"a.b","payload":{},"time":"2024-04-01"}"#, "time"), (#"{"type":"a.b","payload":{},"time":1711981930}"#, "time"),
        (#"{"type":"a.b","payload":{"a":"\#(String(repeating: "x", count: Payload.maximumBytes))"}}"#, "payload"),
        (#"{"\#(String(repeating: "x", count: 5000))":1}"#, "body"),
    ])
    func namesTheFieldAndTheIndex(_ json: String, _ field: String) throws {
        #expect(fault { try EventIntake.events(native: bytes(json)) }?.field == field)
        guard field != "body" || json.hasPrefix("{\"type\":\"a.b\",\"payload\":{},\"") else { return }
        let batch = #"[{"type":"a.b","payload":{}},{"type":"c.d","payload":{}},"# + json + #",{"type":"bad"}]"#
        let error = try #require(fault { try EventIntake.events(native: bytes(batch)) })
        #expect(error.field == (field == "body" ? "[2]" : "[2].\(field)"), "the first bad one is named")
    }

    @Test func whatMayBeLeftOutMayBe() throws {
        for time in ["null", #""2024-04-01T14:32:10Z""#, #""2024-04-01T14:32:10.5+02:00""#] {
            #expect(try EventIntake.events(native: bytes(Self.approval(time))).count == 1)
        }
        #expect(try EventIntake.events(native: bytes(#"{"type":"a.b","payload":{"expiresAt":"soon"}}"#)).count == 1)
        let wrong = try Payload(validating: bytes(#"{"approvalId":"a","remediationId":"r","expiresAt":"soon"}"#))
        let type = try EventType("approval.requested")
        #expect(fault { try EventDraft(type: type, payload: wrong) }?.field == "payload.expiresAt")
        // Stored events are still read: a producer on the bus would not get the error.
        let read = try NATSBinding.event(
            subject: "events.acme.approval.requested",
            body: wrong.bytes,
            fallbackID: "1",
            storedAt: Timestamp(millisecondsSinceEpoch: 0),
            AttributeFields()
        )
        #expect(read.payload == wrong)
    }

    private static func approval(_ expiresAt: String) -> String {
        #"{"type":"approval.requested","payload":{"approvalId":"a","remediationId":"r","expiresAt":\#(expiresAt)}}"#
    }

    @Test func namesUnknownMembers() throws {
        let error = try #require(fault { try EventIntake.events(native: bytes(#"{"type":"a.b","payload":{},"usr\n":"u"}"#)) })
        #expect(error.message.contains("\"usr\u{FFFD}\""), "named, and safe to print")
    }

    @Test func anotherTenantIsRefused() throws {
        let draft = try #require(EventIntake.events(native: bytes(#"{"type":"a.b","payload":{},"tenant":"other"}"#)).first)
        let time = Timestamp(millisecondsSinceEpoch: 0)
        #expect(fault { try draft.resolve(tenant: Tenant("mine"), id: "x", time: time) }?.field == "tenant")
        #expect(try draft.resolve(tenant: Tenant("other"), id: "x", time: time).tenant.text == "other")
    }
}

/// CloudEvents 1.0 in JSON and in headers.
@Suite struct CloudEventIntakeTests {
    static let complete = """
        {"specversion":"1.0","id":"A234","source":"/monitors/7","type":"incident.created","time":"2024-04-01T14:32:10Z","subject":"s",
        "datacontenttype":"application/json; charset=utf-8","userid":"u1","tenant":"acme","dataschema":null,"tracestate":"a=b",
        "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","data":{"incidentId": "inc_1"}}
        """

    @Test func readsStructured() throws {
        let draft = try EventIntake.event(structured: bytes(Self.complete))
        #expect(draft.id == "A234")
        #expect(draft.source == "/monitors/7")
        #expect(draft.type.name == "incident.created")
        #expect(draft.time?.iso8601 == "2024-04-01T14:32:10.000Z")
        #expect(draft.user == "u1")
        #expect(draft.tenant?.text == "acme")
        #expect(draft.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        #expect(draft.payload.bytes == bytes(#"{"incidentId": "inc_1"}"#))
    }

    @Test func readsBatched() throws {
        let drafts = try EventIntake.events(batched: bytes("[\(Self.complete),\(Self.complete)]"))
        #expect(drafts.count == 2)
        #expect(fault { try EventIntake.events(batched: bytes("[]")) }?.field == "body")
        let error = fault { try EventIntake.events(batched: bytes(#"[\#(Self.complete),{"specversion":"1.0"}]"#)) }
        #expect(error?.field == "[1].id")
        #expect(fault { try EventIntake.events(batched: bytes(Self.complete)) }?.field == "body")
        #expect(fault { try EventIntake.event(structured: bytes("[\(Self.complete)]")) }?.field == "body")
    }

    /// Null means that an attribute is absent (CloudEvents JSON format §2.2).
    @Test func nullIsAbsent() throws {
        let json =
            #"{"specversion":"1.0","id":"1","source":"s","type":"a.b","time":null,"userid":null,"tenant":null,"subject":null,"data":{}}"#
        let draft = try EventIntake.event(structured: bytes(json))
        #expect(draft.time == nil && draft.user == nil && draft.tenant == nil)
    }

    @Test(arguments: [
        (#"{"id":"1","source":"s","type":"a.b","data":{}}"#, "specversion"),
        (#"{"specversion":"0.3","id":"1","source":"s","type":"a.b","data":{}}"#, "specversion"),
        (#"{"specversion":"1.0","source":"s","type":"a.b","data":{}}"#, "id"),
        (#"{"specversion":"1.0","id":"1","type":"a.b","data":{}}"#, "source"),
        (#"{"specversion":"1.0","id":"1","source":"","type":"a.b","data":{}}"#, "source"),
        (#"{"specversion":"1.0","id":"1","source":"s","data":{}}"#, "type"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"stream.x","data":{}}"#, "type"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b"}"#, "data"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","data":null}"#, "data"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","data":{"type":1}}"#, "data.type"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","data_base64":"e30="}"#, "data_base64"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","datacontenttype":"text/plain","data":{}}"#, "datacontenttype"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"incident.created","data":{}}"#, "data.incidentId"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","userid":5,"data":{}}"#, "userid"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","time":"now","data":{}}"#, "time"),
        (#"{"specversion":"1.0","id":"1","id":"1","source":"s","type":"a.b","data":{}}"#, "body"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","user":"ann","data":{}}"#, "user"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","comexampleextension":null,"data":{}}"#, "comexampleextension"),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","userId":"ann","data":{}}"#, "\"userId\""),
        (#"{"specversion":"1.0","id":"1","source":"s","type":"a.b","subject":7,"data":{}}"#, "subject"),
    ])
    func namesTheField(_ json: String, _ field: String) {
        #expect(fault { try EventIntake.event(structured: bytes(json)) }?.field == field)
    }

    @Test(arguments: TraceParentTests.broken)
    func dropsBrokenTraceparents(_ text: String) throws {
        let draft = try EventDraft(type: EventType("a.b"), payload: .empty, traceparent: text)
        #expect(draft.traceparent == nil)
    }

    static let headers = [
        "ce-specversion": "1.0", "ce-id": "A234", "ce-source": "/monitors/7", "ce-type": "incident.created",
        "ce-time": "2024-04-01T14:32:10Z", "ce-userid": "Zo%C3%AB%20%25", "ce-tenant": "\"ac\\\"me\"",
    ]

    static func fields(_ headers: [String: String] = headers) throws(ValidationError) -> AttributeFields {
        try AttributeFields(headers)
    }

    @Test func headersAreCollectedOnce() throws {
        var fields = AttributeFields()
        func add(_ name: String, _ value: [UInt8]) throws(ValidationError) { try fields.add(bytes: name.utf8, value) }
        try add("Content-Type", [0xFF])
        try add("CE-Id", bytes("x"))
        try add("ce-id", bytes("x"))
        try add("traceparent", [0xFF])
        #expect(fields["ce-id"] == "x" && fields["content-type"] == nil && fields["traceparent"] == nil)
        #expect(fault { try add("ce-ID", bytes("y")) }?.field == "ce-id", "of two values neither may be guessed")
        #expect(fault { try add("ce-userid", [0x78, 0x2D, 0xE3]) }?.field == "ce-userid", "bytes that are not UTF-8 are not replaced")
        #expect(fault { try add("ce-userld", bytes("x")) }?.field == "ce-userld")
        #expect(fault { try add("ce-", bytes("x")) }?.field == "ce-\"\"")
    }

    @Test func readsBinary() throws {
        let draft = try EventIntake.event(binary: bytes(#"{"incidentId":"inc_1"}"#), Self.fields())
        #expect(draft.id == "A234")
        #expect(draft.source == "/monitors/7")
        #expect(draft.user == "Zoë %")
        #expect(draft.tenant?.text == "ac\"me")
        #expect(draft.time?.millisecondsSinceEpoch == 1_711_981_930_000)
    }

    @Test(
        arguments: [
            ("ce-specversion", nil, "ce-specversion"), ("ce-specversion", "2.0", "ce-specversion"), ("ce-id", nil, "ce-id"),
            ("ce-id", "", "ce-id"),
            ("ce-source", nil, "ce-source"), ("ce-type", nil, "ce-type"), ("ce-type", "Incident", "ce-type"),
            ("ce-type", "stream.gap", "ce-type"),
            ("ce-time", "yesterday", "ce-time"), ("ce-userid", "", "ce-userid"), ("ce-userid", "%FF", "ce-userid"),
            ("ce-userid", "a%0Ab", "ce-userid"),
            ("ce-tenant", "", "ce-tenant"), ("ce-type", "remediation.approved", "body.remediationId"),
        ] as [(String, String?, String)]
    )
    func namesTheHeader(_ name: String, _ value: String?, _ field: String) {
        var headers = Self.headers
        headers[name] = value
        #expect(fault { try EventIntake.event(binary: bytes(#"{"incidentId":"inc_1"}"#), Self.fields(headers)) }?.field == field)
    }

    @Test func binaryBodyIsThePayload() {
        #expect(fault { try EventIntake.event(binary: [], Self.fields()) }?.field == "body")
        #expect(fault { try EventIntake.event(binary: bytes(#"{"timestamp":1}"#), Self.fields()) }?.field == "body.timestamp")
    }
}
