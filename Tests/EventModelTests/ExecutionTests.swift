import Basics
import EventModel
import TestKit
import Testing

@Suite struct ExecutionReferenceTests {
    @Test(arguments: [
        ("my-agent", "executions.acme.agents.my-agent"),
        ("a.b", "executions.acme.agents.a=2Eb"),
        ("*", "executions.acme.agents.=2A"),
        (">", "executions.acme.agents.=3E"),
        ("a b/c", "executions.acme.agents.a=20b=2Fc"),
        ("🚀", "executions.acme.agents.=F0=9F=9A=80"),
    ])
    func namesBecomeOneToken(name: String, subject: String) throws {
        let reference = try ExecutionReference(tenant: Tenant("acme"), kind: .agents, name: ExecutionName(name))
        #expect(reference.subject == subject)
        let read = try ExecutionReference(subject: subject)
        #expect(read == reference && read.name.text == name && read.tenant.text == "acme" && read.kind == .agents)
    }

    @Test func twoHundredAndFiftySixBytesAreNotTooLong() throws {
        for name in [String(repeating: "x", count: 256), String(repeating: "ü", count: 128)] {
            let reference = try ExecutionReference(tenant: Tenant("acme"), kind: .workflows, name: ExecutionName(name))
            #expect(try ExecutionReference(subject: reference.subject).name.text == name)
            #expect(throws: ValidationError.self) {
                try ExecutionReference(tenant: Tenant("acme"), kind: .workflows, name: ExecutionName(name + "x"))
            }
        }
    }

    @Test(arguments: ["", "a\nb", "\u{7F}"])
    func refusesNames(name: String) {
        #expect(throws: ValidationError.self) { try ExecutionReference(tenant: Tenant("acme"), kind: .agents, name: ExecutionName(name)) }
    }

    @Test(arguments: [
        "executions.acme.agents", "executions.acme.robots.x", "events.acme.agents.x", "executions.acme.agents.x.y",
        "executions.acme.agents.=2e",
        "executions..agents.x", "executions.acme.agents.", "executions.acme.agents.=",
    ])
    func refusesSubjects(subject: String) {
        #expect(throws: ValidationError.self) { try ExecutionReference(subject: subject) }
    }

    @Test func lookalikesAreDifferent() throws {
        let composed = ExecutionReference(tenant: Tenant("acme"), kind: .agents, name: "\u{E9}")
        let decomposed = ExecutionReference(tenant: Tenant("acme"), kind: .agents, name: "e\u{301}")
        #expect(composed != decomposed)
    }
}

@Suite struct ExecutionCatalogueTests {
    @Test(arguments: [
        (ExecutionReference.Kind.agents, "progress", false), (.agents, "complete", true), (.agents, "failed", true),
        (.agents, "thinking", false),
        (.workflows, "step_start", false), (.workflows, "workflow_complete", true), (.workflows, "workflow_failed", true),
    ])
    func knowsWhatEndsAnExecution(kind: ExecutionReference.Kind, name: String, isFinal: Bool) throws {
        #expect(ExecutionCatalogue.isFinal(try ExecutionCatalogue.type(name, of: kind)) == isFinal)
    }

    @Test(arguments: [
        (ExecutionReference.Kind.agents, "workflow_complete"), (.workflows, "complete"), (.agents, "ping"), (.agents, "error"),
        (.agents, "message"),
        (.agents, "Progress"), (.agents, "a.b"), (.agents, ""), (.agents, String(repeating: "x", count: 129)), (.agents, "1st"),
    ])
    func refusesTypes(kind: ExecutionReference.Kind, name: String) {
        let error = #expect(throws: ValidationError.self) { try ExecutionCatalogue.type(name, of: kind) }
        #expect(error?.field == "type")
    }

    @Test(
        arguments: [
            ("progress", #"{"progress":0}"#, nil), ("progress", #"{"progress":1.0e0}"#, nil), ("progress", "{}", "payload.progress"),
            ("progress", #"{"progress":1.01}"#, "payload.progress"), ("progress", #"{"progress":-0.1}"#, "payload.progress"),
            ("progress", #"{"progress":"0.5"}"#, "payload.progress"), ("progress", #"{"progress":1e999}"#, "payload.progress"),
            ("complete", "{}", nil), ("thinking", #"{"progress":7}"#, nil),
        ] as [(String, String, String?)]
    )
    func checksPayloads(type: String, json: String, field: String?) throws {
        let payload = try Payload(validating: Array(json.utf8))
        do throws(ValidationError) {
            _ = try ExecutionDraft(kind: .agents, type: type, payload: payload)
            #expect(field == nil)
        } catch {
            #expect(error.field == field)
        }
    }

    @Test func stepsNeedTheirID() throws {
        let payload = try Payload(validating: Array(#"{"progress":0.5}"#.utf8))
        let error = #expect(throws: ValidationError.self) { try ExecutionDraft(kind: .workflows, type: "step_progress", payload: payload) }
        #expect(error?.field == "payload.stepId")
    }
}

@Suite struct ExecutionIntakeTests {
    @Test func readsOneAndMany() throws {
        let one = try ExecutionIntake.events(
            Array(#" {"type":"complete","payload":{"type":1,"timestamp":2},"execution":"r","id":"i"} "#.utf8),
            of: .agents
        )
        #expect(one.count == 1 && one[0].run == "r" && one[0].id == "i" && one[0].isFinal)
        #expect(String(decoding: one[0].payload.bytes, as: UTF8.self) == #"{"type":1,"timestamp":2}"#)
        let many = try ExecutionIntake.events(Array(#"[{"type":"complete","payload":{}},{"type":"x","payload":{}}]"#.utf8), of: .agents)
        #expect(many.map(\.type.name) == ["complete", "x"])
    }

    @Test(arguments: [
        (#"{"type":"complete"}"#, "payload"), (#"{"payload":{}}"#, "type"), (#"{"type":"complete","payload":{},"user":"u"}"#, "body"),
        (#"[{"type":"complete","payload":{}},{"type":"progress","payload":{"progress":2}}]"#, "[1].payload.progress"),
        (#"{"type":"complete","payload":{},"time":"yesterday"}"#, "time"),
        (#"{"type":"complete","payload":{},"execution":""}"#, "execution"),
        ("[", "body"), ("null", "body"), (#"{"type":"complete","payload":{"a":1,"a":2}}"#, "payload"),
    ])
    func saysWhatIsWrong(body: String, field: String) {
        let error = #expect(throws: ValidationError.self) { try ExecutionIntake.events(Array(body.utf8), of: .agents) }
        #expect(error?.field == field)
    }
}

@Suite struct ExecutionBindingTests {
    private static let subject = "executions.acme.agents.my-agent"

    private func read(_ headers: [String: String], body: String = #"{"progress":0.5,"type":"mine"}"#) throws(ValidationError) -> (
        Event, ExecutionPlace
    ) {
        try ExecutionBinding.event(
            subject: Self.subject,
            body: Array(body.utf8),
            fallbackID: "7",
            storedAt: Timestamp(millisecondsSinceEpoch: 5),
            AttributeFields(headers)
        )
    }

    @Test func headersGoBothWays() throws {
        let reference = try ExecutionReference(subject: Self.subject)
        let place = ExecutionPlace(reference: reference, run: "Montag früh", number: 3, start: 17, isFinal: false)
        var headers = Dictionary(uniqueKeysWithValues: ExecutionBinding.headers(of: place).map { ($0.name, $0.value) })
        #expect(headers.values.allSatisfy { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } })
        headers["ce-type"] = "progress"
        let (event, read) = try self.read(headers)
        #expect(read == place)
        #expect(event.id == "7" && event.type.name == "progress" && event.time.millisecondsSinceEpoch == 5 && event.user == nil)
    }

    @Test(
        arguments: [
            ([:], "causeway-execution"),
            (["causeway-execution": "r"], "causeway-number"),
            (["causeway-execution": "r", "causeway-number": "0"], "causeway-number"),
            (["causeway-execution": "r", "causeway-number": "x"], "causeway-number"),
            (["causeway-execution": "r", "causeway-number": "1"], "ce-type"),
            (["causeway-execution": "r", "causeway-number": "1", "ce-type": "incident.created"], "type"),
            (["causeway-execution": "r", "causeway-number": "1", "ce-type": "progress", "ce-userid": "ann"], "ce-userid"),
        ] as [([String: String], String)]
    )
    func whatIsIncompleteIsNoEvent(headers: [String: String], field: String) {
        let error = #expect(throws: ValidationError.self) { try read(headers) }
        #expect(error?.field == field)
    }
}

@Suite struct ExecutionStreamEncodingTests {
    @Test func dataIsThePayloadOnOneLine() throws {
        var bytes: [UInt8] = []
        let payload = try Payload(validating: Array(" {\r\n \"type\" : 1,\n\"a\":[ 1.0 ] } \n".utf8), allowsStreamMembers: true)
        ExecutionStreamEncoding.appendEvent(
            number: 42,
            type: try ExecutionCatalogue.type("progress", of: .agents),
            payload: payload,
            to: &bytes
        )
        ExecutionStreamEncoding.appendHeartbeat(to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self) == "id: 42\nevent: progress\ndata: {   \"type\" : 1, \"a\":[ 1.0 ] }\n\n: heartbeat\n\n"
        )
    }

    @Test func aGapHasNoIDOfItsOwn() {
        var bytes: [UInt8] = []
        let cursor = Cursor(time: Timestamp(millisecondsSinceEpoch: 1), epoch: 1, sequence: 1)
        ExecutionStreamEncoding.appendGap(.expired(missedBefore: cursor), to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "event: stream.gap\ndata: {\"reason\":\"expired\"}\n\n")
    }
}
