import AccessControl
import Basics
import CausewayProducer
import EventModel
import HTTPTypes
import Synchronization
import TestKit
import Testing

@testable import event_producer

/// No tenant uses more of the intake than its share (contract §10), on any path.
@Suite struct IntakeSharesTests {
    private static let cloudEvent = #"{"specversion":"1.0","id":"A1","source":"/m","type":"a.b","data":{"x":1}}"#

    /// An intake path, with the number of events that it takes at once.
    struct Door: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var body: String
        var type = "application/json"
        var headers: [String: String] = [:]
        var path = "/v1/events"
        var events = 1
        var isStored = true
    }

    static let doors = [
        Door(testDescription: "native", body: #"{"type":"a.b","payload":{"x":1}}"#),
        Door(
            testDescription: "native array",
            body: "[" + [String](repeating: #"{"type":"a.b","payload":{"x":1}}"#, count: 2).joined(separator: ",") + "]",
            events: 2
        ),
        Door(testDescription: "structured", body: cloudEvent, type: "application/cloudevents+json"),
        Door(testDescription: "batched", body: "[\(cloudEvent)]", type: "application/cloudevents-batch+json"),
        Door(
            testDescription: "binary",
            body: #"{"x":1}"#,
            headers: ["ce-specversion": "1.0", "ce-id": "A1", "ce-source": "/m", "ce-type": "a.b"]
        ),
        Door(
            testDescription: "execution",
            body: #"{"type":"progress","payload":{"progress":0.5}}"#,
            path: "/v1/executions/agents/a/events",
            isStored: false
        ),
    ]

    @Test(arguments: doors)
    func aTenantThatHasUsedItsShareIsTold(_ door: Door) async throws {
        let clock = Mutex(Duration.zero)
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 2, bytesPerSecond: 0)) { clock.withLock { $0 } }
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            func post() async throws -> IntakeFixture.Answer {
                try await client.post(door.body, type: door.type, token: token, headers: door.headers, path: door.path)
            }
            for _ in 0..<20 / door.events { #expect(try await post().status == (door.isStored ? 202 : 503)) }
            let refused = try await post()
            #expect(refused.status == 429)
            #expect(refused.member("error") == "rate_limited")
            #expect(refused.headers[.retryAfter] == "1")
            let other = try await IntakeFixture.token(tenant: "globex")
            #expect(try await client.post(EventIntakeRouteTests.event, token: other).status == 202, "another tenant has its own")
            clock.withLock { $0 = .seconds(1) }
            #expect(try await post().status != 429)
        }
    }

    @Test func bytesOfPayloadsHaveAShareToo() async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 0, bytesPerSecond: 100))
        let payload = #"{"x":"\#(String(repeating: "x", count: 592))"}"#
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            func post(_ count: Int) async throws -> Int {
                let event = #"{"type":"a.b","payload":\#(payload)}"#
                return try await client.post("[\([String](repeating: event, count: count).joined(separator: ","))]", token: token).status
            }
            #expect(try await post(1) == 202)
            #expect(try await post(1) == 429, "400 are left")
        }
        #expect(fixture.sink.events.count == 1)
    }

    /// The read model has a row for each recipient of a private request, and its one writer serves all tenants.
    @Test func eachRecipientOfARequestCountsAsAnEvent() async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 2, bytesPerSecond: 0))
        let users = (1...19).map { #""u\#($0)""# }.joined(separator: ",")
        let payload = #"{"approvalId":"a","remediationId":"r","groups":[{"name":"g","users":[\#(users)]}]}"#
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            func post(_ id: String) async throws -> Int {
                let body = #"{"type":"approval.requested","user":"ann","id":"\#(id)","payload":\#(payload)}"#
                return try await client.post(body, token: token).status
            }
            #expect(try await post("first") == 202)
            #expect(try await post("second") == 429, "one request has used up the share of 20")
        }
        #expect(fixture.sink.events.count == 1)
    }

    /// A small request takes as much of the records' stream as its envelope, its decision and the steps of its escalation do.
    @Test(arguments: [(0, 4...8), (8, 1...1)])
    func smallRequestsUseUpTheShareOfTheRecords(steps: Int, admitted: ClosedRange<Int>) async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 0, bytesPerSecond: 0, approvalBytes: 12_000))
        let escalation = (1...8).prefix(steps).map { #"{"after":"\#($0)h","groups":[{"name":"g\#($0)","users":["u\#($0)"]}]}"# }
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            func post(_ number: Int) async throws -> Int {
                let policy = #""escalation":[\#(escalation.joined(separator: ","))]"#
                let body = #"{"type":"approval.requested","payload":{"approvalId":"a\#(number)","remediationId":"r",\#(policy)}}"#
                return try await client.post(body, token: token).status
            }
            var count = 0
            while count < 100, try await post(count) == 202 { count += 1 }
            #expect(admitted.contains(count))
            #expect(try await post(count) == 429)
            #expect(try await client.post(EventIntakeRouteTests.event, token: token).status == 202, "other events have other shares")
        }
    }

    /// An approval has one record: its request is charged once, however often it is sent because it is pending, or because the log did not answer.
    @Test(arguments: [(failures: 0, repetitions: 20), (20, 1)])
    func aRepeatedRequestTakesOfTheShareOnce(failures: Int, repetitions: Int) async throws {
        let fixture = IntakeFixture(
            sink: RecordingSink(failures: [ProducerError](repeating: ProducerError(.unavailable, "no log"), count: failures)),
            limits: IntakeLimits(eventsPerSecond: 0, bytesPerSecond: 0, approvalBytes: 12_000)
        )
        let body = #"{"type":"approval.requested","id":"r1","payload":{"approvalId":"a1","remediationId":"r"}}"#
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            for _ in 0..<failures { #expect(try await client.post(body, token: token).status == 503) }
            for _ in 0..<repetitions { #expect(try await client.post(body, token: token).status == 202) }
        }
    }

    /// Else a small request that the log refuses would pay for a large one.
    @Test func aLargerRequestForTheApprovalPaysTheDifference() async throws {
        let fixture = IntakeFixture(
            sink: RecordingSink(failures: [ProducerError](repeating: ProducerError(.conflict, "is used", field: "id"), count: 20)),
            limits: IntakeLimits(eventsPerSecond: 0, bytesPerSecond: 0, approvalBytes: 12_000)
        )
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            func post(_ description: String) async throws -> Int {
                let payload = #"{"approvalId":"a","remediationId":"r","description":"\#(description)"}"#
                return try await client.post(#"{"type":"approval.requested","payload":\#(payload)}"#, token: token).status
            }
            for _ in 0..<10 { #expect(try await post("x") == 409) }
            #expect(try await post(String(repeating: "x", count: 9_000)) == 409)
            #expect(try await post(String(repeating: "x", count: 15_900)) == 429)
        }
    }

    /// A request that failed may be recorded afterwards, or by its repetition.
    @Test func requestsThatTheLogDidNotAnswerTakeOfTheShare() async throws {
        let fixture = IntakeFixture(
            sink: RecordingSink(failures: [ProducerError](repeating: ProducerError(.timeout, "no answer"), count: 20)),
            limits: IntakeLimits(eventsPerSecond: 0, bytesPerSecond: 0, approvalBytes: 12_000)
        )
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            var statuses: [Int] = []
            for number in 0..<20 {
                let body = #"{"type":"approval.requested","payload":{"approvalId":"a\#(number)","remediationId":"r"}}"#
                statuses.append(try await client.post(body, token: token).status)
            }
            #expect(statuses.first == 503 && statuses.last == 429)
        }
    }

    @Test func aRequestLargerThanTheBurstIsTakenFromAFullShareWhole() async throws {
        let clock = Mutex(Duration.zero)
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 1, bytesPerSecond: 0)) { clock.withLock { $0 } }
        let body = "[\([String](repeating: EventIntakeRouteTests.event, count: 25).joined(separator: ","))]"
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            #expect(try await client.post(body, token: token).status == 202)
            let refused = try await client.post(EventIntakeRouteTests.event, token: token)
            #expect(refused.status == 429 && refused.headers[.retryAfter] == "16")
            clock.withLock { $0 = .seconds(24) }
            #expect(try await client.post(body, token: token).status == 429, "none of a batch is stored when not all are within the share")
            clock.withLock { $0 = .seconds(25) }
            #expect(try await client.post(body, token: token).status == 202)
        }
        #expect(fixture.sink.events.count == 50)
    }

    @Test func aServiceIsRefusedForTheTenantThatHasNothingLeftAlone() async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 1, bytesPerSecond: 0))
        @Sendable func event(_ tenant: String) -> String { #"{"type":"a.b","tenant":"\#(tenant)","payload":{}}"# }
        try await fixture.run { client in
            let token = try await IntakeFixture.token(tenant: "platform", roles: [.producer])
            let all = "[\([String](repeating: event("acme"), count: 10).joined(separator: ","))]"
            #expect(try await client.post(all, token: token).status == 202)
            let mixed = try await client.post("[\(event("globex")),\(event("acme"))]", token: token)
            #expect(mixed.status == 429 && mixed.member("message")?.contains("acme") == true)
            #expect(try await client.post("[\(event("globex"))]", token: token).status == 202)
        }
        #expect(fixture.sink.events.count == 11)
        #expect(fixture.gate.shares.admittedEvents.largest(1).tenants.map(\.tenant.text) == ["acme"])
    }

    @Test func whatIsRefusedForItsContentCountsAgainstItsSender() async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 1, bytesPerSecond: 0))
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            for _ in 0..<10 { #expect(try await client.post("{}", token: token).status == 400) }
            #expect(try await client.post("{}", token: token).status == 429)
        }
    }

    @Test func zeroIsNoLimit() async throws {
        let fixture = IntakeFixture(limits: IntakeLimits(eventsPerSecond: 0, bytesPerSecond: 0))
        let body = "[\([String](repeating: EventIntakeRouteTests.event, count: 1000).joined(separator: ","))]"
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            for _ in 0..<20 { #expect(try await client.post(body, token: token).status == 202) }
        }
    }

    @Test func aSenderThatDoesNotWaitIsRefusedLate() async throws {
        let clock = Mutex(Duration.zero)
        let delays = Mutex<[Duration]>([])
        let fixture = IntakeFixture(
            limits: IntakeLimits(eventsPerSecond: 1, bytesPerSecond: 0),
            now: { clock.withLock { $0 } },
            sleep: { delay in delays.withLock { $0.append(delay) } }
        )
        let ten = "[\([String](repeating: EventIntakeRouteTests.event, count: 10).joined(separator: ","))]"
        try await fixture.run { client in
            let token = try await IntakeFixture.token()
            let other = try await IntakeFixture.token(tenant: "globex")
            #expect(try await client.post(ten, token: token).status == 202)
            #expect(try await client.post(ten, token: other).status == 202)
            #expect(try await client.post(EventIntakeRouteTests.event, token: token).headers[.retryAfter] == "1")
            #expect(delays.withLock { $0 } == [], "it did not know")
            #expect(try await client.post(EventIntakeRouteTests.event, token: token).status == 429)
            #expect(delays.withLock { $0.allSatisfy(RefusalDelay.delays.contains) && $0.count == 1 })
            #expect(try await client.post(EventIntakeRouteTests.event, token: other).status == 429)
            clock.withLock { $0 = .seconds(1) }
            #expect(try await client.post(EventIntakeRouteTests.event, token: token).status == 202)
            #expect(try await client.post(EventIntakeRouteTests.event, token: token).status == 429, "it has waited")
            #expect(delays.withLock { $0.count } == 1)
        }
    }

    @Test func theConnectionsOfASenderDoNotComeBackTogether() {
        let places = Mutex([0.0, 0.25, 1.0])
        let delays = RefusalDelay(now: { .zero }, random: { places.withLock { $0.removeFirst() } })
        let sender: Tenant = "acme"
        #expect(delays.delay(for: sender, retryAfter: 1) == .zero)
        #expect((0..<3).map { _ in delays.delay(for: sender, retryAfter: 1) } == [.seconds(1), .milliseconds(1250), .seconds(2)])
        let drawn = RefusalDelay(now: { .zero })
        #expect(Set((0..<20).map { _ in drawn.delay(for: sender, retryAfter: 1) }).count > 10)
    }

    @Test func manySendersAreNotRemembered() throws {
        let clock = Mutex(Duration.zero)
        let delays = RefusalDelay(now: { clock.withLock { $0 } })
        func isDelayed(_ number: Int) throws -> Bool { delays.delay(for: try Tenant("t\(number)"), retryAfter: 5) > .zero }
        for number in 0..<RefusalDelay.maximumCount { #expect(try !isDelayed(number)) }
        #expect(try isDelayed(0))
        for _ in 0..<2 { #expect(try !isDelayed(-1), "there is no place for it") }
        clock.withLock { $0 = .seconds(5) }
        #expect(try !isDelayed(-1))
        #expect(try isDelayed(-1))
        #expect(try !isDelayed(0))
    }
}
