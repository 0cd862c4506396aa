import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import HTTPTypes
import TestKit
import Testing

@testable import event_producer

/// Who sees which event by its id.
@Suite struct StoredEventRouteTests {
    /// A log with one event of the tenant `acme` at each of three sequences.
    private struct OneLog: EventLooking {
        static let epoch: UInt16 = 7
        static let recipients: [UInt64: Recipients] = [1: .everyone, 2: Recipients("ann"), 3: Recipients("ann", and: ["bob"]) ?? .everyone]

        static func id(_ sequence: UInt64) -> Cursor { Cursor(time: IntakeFixture.now, epoch: epoch, sequence: sequence) }

        func look(up id: Cursor) async throws(APIError) -> EventLookUp {
            if id.sequence == 9 { throw .serviceUnavailable("switched off", retryAfter: 1) }
            if id.sequence == 8 { return .removed }
            guard let recipients = Self.recipients[id.sequence], let type = try? EventType("a.b"),
                let payload = try? Payload(validating: Array(#"{"n": 1.0,"incidentId":"inc_1"}"#.utf8))
            else { return .unknown }
            var event = Event(id: EventID(generated: "e1"), tenant: "acme", type: type, time: IntakeFixture.now, payload: payload)
            event.recipients = recipients
            return .found(LogEntry(sequence: id.sequence, intake: IntakeFixture.now, event: event))
        }
    }

    private func get(_ path: String, user: String, tenant: String = "acme", roles: Set<Role>, limiter: TenantRateLimiter? = nil)
        async throws -> IntakeFixture.Answer
    {
        let token = try await IntakeFixture.token(subject: user, tenant: tenant, roles: roles)
        let limiter = limiter ?? TenantRateLimiter(perSecond: 1, burst: 10)
        return try await IntakeFixture().run(StoredEventRoute(log: OneLog(), limiter: limiter)) { client in
            try await client.post("", type: nil, token: token, method: .get, path: path)
        }
    }

    private func status(_ sequence: UInt64, user: String, tenant: String = "acme", roles: Set<Role>) async throws -> Int {
        try await get("/v1/events/\(OneLog.id(sequence))", user: user, tenant: tenant, roles: roles).status
    }

    @Test func aProducerSeesEveryEvent() async throws {
        for sequence in UInt64(1)...3 {
            #expect(try await status(sequence, user: "svc", tenant: "globex", roles: [.producer]) == 200)
        }
    }

    @Test(arguments: [Role.admin, .member])
    func aReaderSeesWhatItsUserSees(_ role: Role) async throws {
        #expect(try await status(1, user: "eve", roles: [role]) == 200)
        #expect(try await status(2, user: "ann", roles: [role]) == 200)
        #expect(try await status(3, user: "bob", roles: [role]) == 200)
    }

    @Test(arguments: [Role.admin, .member])
    func whatAReaderMayNotSeeIsAnsweredAsWhatIsNotThere(_ role: Role) async throws {
        let absent = try await get("/v1/events/\(OneLog.id(5))", user: "eve", roles: [role])
        #expect(absent.status == 404 && absent.member("error") == "not_found")
        for (sequence, tenant) in [(2, "acme"), (3, "acme"), (1, "globex"), (2, "globex")] as [(UInt64, String)] {
            let hidden = try await get("/v1/events/\(OneLog.id(sequence))", user: "eve", tenant: tenant, roles: [role])
            #expect(hidden.status == absent.status && hidden.body == absent.body)
            #expect(Set(hidden.headers.map(\.name)) == Set(absent.headers.map(\.name)))
        }
    }

    @Test func othersSeeNone() async throws {
        for roles: Set<Role> in [[], [.issuer]] {
            let answer = try await get("/v1/events/\(OneLog.id(1))", user: "ann", roles: roles)
            #expect(answer.status == 403 && answer.member("message")?.contains("admin or member or producer") == true)
        }
    }

    @Test func aReaderGetsThePayloadAsPublishedAndAProducerNone() async throws {
        let attributes = """
            {"id":"\(OneLog.id(3))","eventId":"e1","tenant":"acme","type":"a.b","recipients":["ann","bob"],\
            "timestamp":"\(IntakeFixture.now)","receivedAt":"\(IntakeFixture.now)","incidentId":"inc_1"
            """
        let whole = attributes + #","payload":{"n": 1.0,"incidentId":"inc_1"}}"#
        let path = "/v1/events/\(OneLog.id(3))"
        #expect(try await get(path, user: "ann", roles: [.admin]).body == whole)
        #expect(try await get(path, user: "bob", roles: [.member]).body == whole)
        #expect(try await get(path, user: "ann", roles: [.admin, .producer]).body == whole)
        #expect(try await get(path, user: "eve", roles: [.admin, .producer]).body == attributes + "}")
        #expect(try await get(path, user: "ann", roles: [.producer]).body == attributes + "}")
    }

    @Test(arguments: ["evt_", "evt_01hx9vtpqr3kf8mzwbyd5n6jce", "1", "%ff", "e1", "evt_01HX9VTPQR3KF8MZWBYD5N6JCE%2F"])
    func whatIsNoIDIsRefused(_ text: String) async throws {
        let answer = try await get("/v1/events/\(text)", user: "ann", roles: [.admin])
        #expect(answer.status == 400 && answer.member("message")?.hasPrefix("eventId: ") == true)
    }

    @Test func whatRetentionRemovedIsGoneForEverybody() async throws {
        for (user, tenant, role) in [("ann", "acme", Role.admin), ("eve", "globex", .admin), ("svc", "acme", .producer)] {
            let answer = try await get("/v1/events/\(OneLog.id(8))", user: user, tenant: tenant, roles: [role])
            #expect(answer.status == 410 && answer.member("error") == "gone")
        }
    }

    @Test func aLogOutOfReachIsToBeAskedAgain() async throws {
        let answer = try await get("/v1/events/\(OneLog.id(9))", user: "ann", roles: [.admin])
        #expect(answer.status == 503 && answer.headers[.retryAfter] == "1")
    }

    @Test func aTenantHasItsShareOfLookUps() async throws {
        let limiter = TenantRateLimiter(perSecond: 1, burst: 2, now: { .zero })
        let path = "/v1/events/\(OneLog.id(1))"
        for _ in 0..<2 { #expect(try await get(path, user: "ann", roles: [.admin], limiter: limiter).status == 200) }
        let refused = try await get(path, user: "ann", roles: [.admin], limiter: limiter)
        #expect(try await get(path, user: "ann", roles: [.member], limiter: limiter).status == 200, "members have another share")
        #expect(refused.status == 429 && refused.headers[.retryAfter] == "1")
        #expect(try await get(path, user: "svc", tenant: "globex", roles: [.producer], limiter: limiter).status == 200)
    }
}
