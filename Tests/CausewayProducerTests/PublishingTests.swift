import Basics
import CausewayProducer
import EventLog
import EventModel
import NATSClient
import TestKit
import Testing

/// Publishing against a real nats-server: the stored events, and the results for the caller.
@Suite(.timeLimit(.minutes(2))) struct PublishingTests {
    private struct Progress: Encodable {
        var message: String
        var incidentId: String
        var agentName: String
    }

    @Test("an event lies in the log as a CloudEvent in binary mode, under its tenant and type")
    func cloudEvent() async throws {
        let bench = try await ProducerBench()
        let published = try await bench.producer.publish(
            "investigation.progress",
            tenant: "acme inc.",
            payload: Progress(message: "50 % / é", incidentId: "inc_1", agentName: "traces"),
            id: "inc_1/é",
            time: Timestamp(millisecondsSinceEpoch: 1_712_000_000_000),
            source: "/tests"
        )
        #expect(published == PublishedEvent(id: "inc_1/é", cursor: try await bench.cursor(1), isDuplicate: false))
        // Cursors compare without their time.
        #expect(published.cursor.text == (try await bench.cursor(1)).text)
        let stored = try await bench.stored(1)
        #expect(stored.subject == "events.acme=20inc=2E.investigation.progress")
        #expect(stored.text == #"{"agentName":"traces","incidentId":"inc_1","message":"50 % / é"}"#)
        #expect(
            try stored.fields == [
                // As docs/producing.md says it: printf '5:event9:acme inc.6:/tests8:inc_1/é' | sha256sum | cut -c -40
                "Nats-Msg-Id": "2e18cfb2f9a52cda34ffe242da3a43cd712bed78",
                "ce-specversion": "1.0", "ce-id": "inc_1/%C3%A9", "ce-type": "investigation.progress", "ce-source": "/tests",
                "ce-time": "2024-04-01T19:33:20.000Z", "causeway-intake": "1700000000000",
            ]
        )
    }

    @Test("an event for one user carries the user, and one for everybody does not")
    func user() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.publishUser("notification.created", tenant: "acme", user: "ann ü", payload: ["id": "ntf_1"], id: "a")
        try await bench.producer.publishUser(
            "notification.created",
            tenant: "acme",
            user: "bob",
            payload: Payload.of(#"{"id":"ntf_2"}"#),
            id: "b"
        )
        try await bench.producer.publish("notification.created", tenant: "acme", payload: ["id": "ntf_3"], id: "c")
        #expect(try await bench.stored(1).fields["ce-userid"] == "ann%20%C3%BC")
        #expect(try await bench.stored(2).fields["ce-userid"] == "bob")
        #expect(try await bench.stored(3).fields["ce-userid"] == nil)
    }

    @Test("a payload that is JSON already is stored byte for byte")
    func bytes() async throws {
        let bench = try await ProducerBench()
        let text = "{ \"incidentId\" : \"i\\u0031\",\n  \"n\": 1.10 }"
        try await bench.producer.publish("incident.created", tenant: "acme", payload: Payload.of(text))
        #expect(try await bench.stored(1).text == text)
    }

    @Test("without an id each call is another event, under an id that was made for it and is returned; without a time it is of now")
    func madeIDs() async throws {
        let bench = try await ProducerBench()
        let first = try await bench.producer.publish("incident.created", tenant: "acme", payload: ["incidentId": "i-1"])
        let second = try await bench.producer.publish("incident.created", tenant: "acme", payload: ["incidentId": "i-1"])
        #expect(first.id != second.id)
        #expect(!first.id.isEmpty && !second.id.isEmpty)
        #expect([first, second].map(\.cursor.sequence) == [1, 2])
        #expect([first, second].map(\.isDuplicate) == [false, false])
        let fields = try await bench.stored(2).fields
        #expect(fields["ce-id"] == second.id)
        #expect(fields["ce-time"] == "2023-11-14T22:13:20.000Z")
        #expect(fields["ce-source"] == nil)
    }

    @Test("the same event again, from another process and at another time, is not stored, and gets the first cursor")
    func duplicate() async throws {
        let bench = try await ProducerBench()
        let first = try await bench.producer.publish(
            "incident.created",
            tenant: "acme",
            payload: Payload.of(#"{"incidentId":"i","n":1}"#),
            id: "e"
        )
        try await bench.producer.publish("incident.created", tenant: "acme", payload: ["incidentId": "j"], id: "f")
        let other = try await bench.another()
        // The content is the same: only white space and the order of the members differ (contract §10).
        let again = try await other.publish(
            "incident.created",
            tenant: "acme",
            payload: Payload.of(#"{ "n":1, "incidentId":"i" }"#),
            id: "e"
        )
        #expect(again.isDuplicate)
        #expect(again.cursor.text == first.cursor.text)
        #expect(try await bench.storedCount == 2)
        await other.close()
    }

    @Test("an id is of its tenant and its source: elsewhere it stands for another event")
    func identity() async throws {
        let bench = try await ProducerBench()
        for (index, (tenant, source)) in [("acme", nil), ("globex", nil), ("acme", "/a"), ("acme", "/b")].enumerated() {
            let published = try await bench.producer.publish(
                "incident.created",
                tenant: tenant,
                payload: ["incidentId": "i\(index)"],
                id: "e",
                source: source
            )
            #expect(!published.isDuplicate)
            #expect(published.cursor.sequence == UInt64(index) + 1)
        }
    }

    @Test("another content under a used id is a conflict that names the id, and is not stored")
    func conflict() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.publish("incident.created", tenant: "acme", payload: ["incidentId": "i"], id: "e")
        let error = await failure {
            try await bench.producer.publish("incident.created", tenant: "acme", payload: ["incidentId": "j"], id: "e")
        }
        #expect(error?.code == .conflict)
        #expect(error?.field == "id")
        #expect(error?.isRetriable == false)
        #expect(try await bench.storedCount == 1)
    }

    @Test("a second request under an approvalId that is in use is a conflict, whatever its id")
    func approval() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.publish("approval.requested", tenant: "acme", payload: ["approvalId": "a", "remediationId": "r"], id: "1")
        let error = await failure {
            try await bench.producer.publish(
                "approval.requested",
                tenant: "acme",
                payload: ["approvalId": "a", "remediationId": "s"],
                id: "2"
            )
        }
        #expect(error?.code == .conflict)
        #expect(error?.field == "payload.approvalId")
        try await bench.producer.publish(
            "approval.requested",
            tenant: "globex",
            payload: ["approvalId": "a", "remediationId": "s"],
            id: "2"
        )
        #expect(try await bench.storedCount == 2)
    }

    // MARK: Several events

    @Test("the events of one call lie in the log in their order, and are answered in it")
    func order() async throws {
        let bench = try await ProducerBench()
        let events = try (0..<300).map { try event("e\($0)", tenant: $0 % 3 == 0 ? "acme" : "globex") }
        let published = try await bench.producer.publish(contentsOf: events)
        #expect(published.map(\.id) == events.map(\.id.text))
        #expect(published.map(\.cursor.sequence) == (1...300).map { UInt64($0) })
        for sequence in [1, 2, 150, 300] as [UInt64] {
            #expect(try await bench.stored(sequence).fields["ce-id"] == "e\(sequence - 1)")
        }
    }

    @Test("one event of a call at fault keeps all of them out, and the error says which")
    func allOrNothing() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.publish(event("used"))
        let events = [try event("a"), try event("b"), try event("used", payload: #"{"incidentId":"other"}"#)]
        let error = await failure { try await bench.producer.publish(contentsOf: events) }
        #expect(error?.code == .conflict)
        #expect(error?.field == "[2].id")
        #expect(try await bench.storedCount == 1)
        let inside = await failure {
            try await bench.producer.publish(contentsOf: [events[0], try event("a", payload: #"{"incidentId":"x"}"#)])
        }
        #expect(inside?.field == "[1].id")
        #expect(try await bench.storedCount == 1)
    }

    /// An event that no reader would get is refused at every door of the library, before anything is sent.
    @Test(arguments: [
        ("stream.gap", #"{"incidentId":"i"}"#, "type"), ("approval.requested", "{}", "payload.approvalId"),
        ("load.tick", #"{"type":"x"}"#, "payload.type"), ("load.tick", #"{"timestamp":1}"#, "payload.timestamp"),
    ])
    func completeEventsAreChecked(type: String, json: String, field: String) async throws {
        let bench = try await ProducerBench()
        try await bench.producer.ready()
        let payload = try Payload(validating: Array(json.utf8), allowsStreamMembers: true)
        let faulty = Event(id: "faulty", tenant: "acme", type: try EventType(type), time: .now, payload: payload)
        let good = try event("good")
        let refusal = await failure { try await bench.producer.publish(faulty) }
        #expect(refusal?.code == .invalidEvent && refusal?.field == field)
        #expect(await failure { try await bench.producer.publish(contentsOf: [good, faulty]) }?.field == "[1].\(field)")
        if type == "load.tick" {
            #expect(await failure { try await bench.producer.publish(type, tenant: "acme", payload: payload) }?.field == field)
        }
        #expect(try await bench.storedCount == 0)
        let results = try await bench.producer.publish(each: [faulty, good, faulty])
        #expect(results.map { (try? $0.get())?.id } == [nil, "good", nil])
        #expect(try await bench.storedCount == 1)
    }

    @Test("published each for itself, one event at fault keeps none of the others out")
    func each() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.publish(event("used"))
        let events = [try event("a"), try event("used", payload: #"{"incidentId":"other"}"#), try event("b"), try event("used")]
        let results = try await bench.producer.publish(each: events)
        try #require(results.count == 4)
        #expect(try results[0].get() == PublishedEvent(id: "a", cursor: try await bench.cursor(2), isDuplicate: false))
        #expect(throws: ProducerError.self) { try results[1].get() }
        if case .failure(let error) = results[1] {
            #expect(error.code == .conflict)
            // The place in the list is the place of the result.
            #expect(error.field == "id")
        }
        #expect(try results[2].get().cursor.sequence == 3)
        #expect(try results[3].get() == PublishedEvent(id: "used", cursor: try await bench.cursor(1), isDuplicate: true))
        #expect(try await bench.storedCount == 3)
    }

    @Test("a request's key stands for its whole content: the same again is answered alike, another one is a conflict")
    func requestKey() async throws {
        let bench = try await ProducerBench()
        let key = RequestKey(tenant: "acme", user: "svc", key: "k")
        let first = try await bench.producer.publish(contentsOf: [event("a"), event("b")], under: key)
        let again = try await bench.producer.publish(contentsOf: [event("a"), event("b")], under: key)
        #expect(again.map(\.cursor.text) == first.map(\.cursor.text))
        #expect(again.map(\.isDuplicate) == [true, true])
        let error = await failure { try await bench.producer.publish(contentsOf: [event("c")], under: key) }
        #expect(error?.code == .conflict)
        #expect(try await bench.storedCount == 2)
    }

    @Test("no events are published without a bus")
    func none() async throws {
        let producer = try await ProducerBench.unconnected(timeout: .milliseconds(1))
        #expect(try await producer.publish(contentsOf: []) == [])
        #expect(try await producer.publish(each: []).isEmpty)
        await producer.close()
    }
}

extension Payload {
    /// Checked JSON.
    static func of(_ text: String) throws -> Payload { try Payload(validating: Array(text.utf8)) }
}
