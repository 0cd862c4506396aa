import Basics
import EventModel
import TestKit
import Testing

@testable import Webhooks

/// Endpoints as values, and their records.
@Suite("Endpoint records") struct EndpointRecordTests {
    private static let time = EndpointFixture.time

    @Test func anIDNamesItsSlot() {
        for slot in [0, 1, 31, 32, 1000, 1023] {
            let id = EndpointID(slot: slot, time: Self.time)
            #expect(id.slot == slot)
            #expect(EndpointID("\(id)") == id)
            #expect("\(id)".hasPrefix("whk_") && "\(id)".utf8.count == 30)
            #expect(id < EndpointID(slot: 0, time: Self.time.advanced(by: .milliseconds(1))))
        }
        #expect(Set((0..<100).map { _ in EndpointID(slot: 5, time: Self.time) }).count == 100)
        let text = "\(EndpointID(slot: 5, time: Self.time))"
        for other in [
            "", "whk_", text.lowercased(), "evt_\(text.dropFirst(4))", "\(text)0", "\(text.dropLast())", " \(text)",
            "whk_8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        ] {
            #expect(EndpointID(other) == nil, "\(other)")
        }
    }

    @Test(
        "Types",
        arguments: [
            ([String](), false), (["incident.opened"], true), (["incident.*", "incident.opened"], true),
            (["incident.*,approval.requested"], false),
            ([""], false), (["*"], false), (["incident"], false), (["incident.opened", "Incident.Opened"], false),
            (Array(repeating: "incident.*", count: 64), true), (Array(repeating: "incident.*", count: 65), false),
        ]
    )
    func types(_ patterns: [String], _ isValid: Bool) {
        #expect(((try? EndpointTypes(patterns)) != nil) == isValid)
        let error = isValid ? nil : #expect(throws: ValidationError.self) { try EndpointTypes(patterns) }
        #expect(isValid || error?.field == "types")
    }

    @Test func descriptionsAreBounded() throws {
        #expect(throws: Never.self) { try EndpointFixture.settings(description: String(repeating: "x", count: 512)) }
        for text in ["", "a\nb", String(repeating: "x", count: 513)] {
            let error = #expect(throws: ValidationError.self) { try EndpointFixture.settings(description: text) }
            #expect(error?.field == "description")
        }
    }

    @Test func anEndpointGetsEventsOfItsTenantTypesAndUser() throws {
        var endpoint = try EndpointFixture.endpoint()
        func event(_ type: String, tenant: Tenant = "acme", user: UserID? = nil) throws -> Event {
            Event(id: "e", tenant: tenant, type: try EventType(type), user: user, time: Self.time, payload: .empty)
        }
        #expect(endpoint.selection.includes(try event("incident.opened")))
        #expect(endpoint.selection.includes(try event("approval.requested")))
        #expect(!endpoint.selection.includes(try event("approval.resolved")))
        #expect(!endpoint.selection.includes(try event("incident.opened", tenant: "globex")))
        #expect(!endpoint.selection.includes(try event("incident.opened", user: "ann")))
        endpoint.settings.user = "ann"
        #expect(endpoint.selection.includes(try event("incident.opened", user: "ann")))
        #expect(endpoint.selection.includes(try event("incident.opened")))
        #expect(!endpoint.selection.includes(try event("incident.opened", user: "bob")))
        var shared = try event("incident.opened", user: "bob")
        shared.recipients = try #require(Recipients("bob", and: ["ann"] as [UserID]))
        #expect(endpoint.selection.includes(shared), "one of several recipients")
        endpoint.settings.user = nil
        #expect(!endpoint.selection.includes(shared))
    }

    // MARK: Records

    private static let trouble = EndpointHealth.Trouble(since: time, failures: 9, retryAt: time.advanced(by: .seconds(5)))

    @Test(
        "A record is read as it was written",
        arguments: [
            EndpointHealth.State.pending(trouble), .enabled, .failing(trouble), .disabled(.gone, at: time), .disabled(.failed, at: time),
            .disabled(.requested, at: time),
        ]
    )
    func states(_ state: EndpointHealth.State) throws {
        var endpoint = try EndpointFixture.endpoint(state: state)
        try check(endpoint)
        endpoint.settings = try Endpoint.Settings(
            url: WebhookURL("http://[::1]:8080/a?b=%20"),
            types: EndpointTypes(["incident.*"]),
            user: UserID("ann \"é\" 1"),
            isOrdered: false,
            description: "for \\ people"
        )
        for _ in 1...3 { endpoint.secrets.rotate(to: .generate(), at: Self.time) }
        endpoint.owner = "01HX9VTPQR3KF8MZWBYD5N6JCE"
        endpoint.announcedAt = Self.time
        endpoint.setBack(behind: endpoint.cursor.previous, at: Self.time)
        try check(endpoint)
    }

    @Test func aReplayRemembersWhereItBeginsAndEnds() throws {
        var endpoint = try EndpointFixture.endpoint()
        let cursor = endpoint.cursor
        func place(_ sequence: UInt64) -> Cursor { Cursor(time: Self.time, epoch: cursor.epoch, sequence: sequence) }
        endpoint.setBack(behind: place(30), at: Self.time)
        #expect(endpoint.cursor == place(30) && endpoint.replay?.from == place(30) && endpoint.replay?.to == cursor)
        // Another one, while it is under way: what had been reached stays.
        endpoint.cursor = place(35)
        endpoint.setBack(behind: place(33), at: Self.time.advanced(by: .seconds(1)))
        #expect(endpoint.cursor == place(33) && endpoint.replay?.to == cursor)
        #expect(endpoint.replay?.requestedAt == Self.time.advanced(by: .seconds(1)))
        endpoint.cursor = place(50)
        endpoint.setBack(behind: place(60), at: Self.time)
        #expect(endpoint.cursor == place(50) && endpoint.replay?.to == place(50), "never forward")
        let before = endpoint
        endpoint.setBack(behind: Cursor(time: Self.time, epoch: cursor.epoch &+ 1, sequence: 1), at: Self.time)
        #expect(endpoint == before, "a place of another log")
    }

    @Test func aDisablingIsAnnouncedOnce() throws {
        var endpoint = try EndpointFixture.endpoint(state: .disabled(.gone, at: Self.time))
        #expect(endpoint.unannouncedDisabling?.reason == .gone && endpoint.unannouncedDisabling?.at == Self.time)
        endpoint.announcedAt = Self.time
        #expect(endpoint.unannouncedDisabling == nil)
        endpoint.state = .disabled(.failed, at: Self.time.advanced(by: .seconds(1)))
        #expect(endpoint.unannouncedDisabling?.reason == .failed, "disabled again later")
        endpoint.state = .enabled
        #expect(endpoint.unannouncedDisabling == nil)
    }

    private func check(_ endpoint: Endpoint) throws {
        let record = EndpointRecord.endpoint(endpoint)
        #expect(EndpointRecord(json: record.json, tenant: endpoint.tenant, slot: endpoint.id.slot) == record)
        #expect(record.json == record.json && record.json.count < 32 * 1024)
        #expect(EndpointRecord(json: record.json, tenant: endpoint.tenant, slot: endpoint.id.slot + 1) == nil, "of another slot")
    }

    @Test func aDeletionIsReadAsItWasWritten() {
        let id = EndpointID(slot: 9, time: Self.time)
        let record = EndpointRecord.deleted(id, at: Self.time)
        #expect(EndpointRecord(json: record.json, tenant: "acme", slot: 9) == record)
    }

    @Test func theLargestRecordFits() throws {
        let type = "a." + String(repeating: "b", count: EventType.maximumBytes - 2)
        var endpoint = try EndpointFixture.endpoint(
            settings: try Endpoint.Settings(
                url: WebhookURL("https://a.example/" + String(repeating: "x", count: WebhookURL.maximumBytes - 18)),
                types: EndpointTypes(Array(repeating: type, count: 64)),
                user: UserID(String(repeating: "\"", count: 256)),
                description: String(repeating: "\\", count: 512)
            )
        )
        for _ in 1...3 { endpoint.secrets.rotate(to: .generate(), at: Self.time) }
        try check(endpoint)
    }

    /// A record in pieces, of which one is replaced or left out.
    private static func json(_ replaced: [String: String?] = [:], added: String = "") -> [UInt8] {
        var members: [(name: String, value: String)] = [
            ("v", "1"), ("id", "\"\(EndpointID(slot: 3, time: time))\""), ("createdAt", "1"), ("url", "\"https://hooks.example/\""),
            ("types", "[\"incident.*\"]"), ("ordered", "true"), ("secret", "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\""),
            ("formerSecrets", "[]"),
            ("state", "{\"name\":\"enabled\"}"), ("cursor", "\"\(EndpointFixture.cursor.text)\""),
        ]
        members = members.compactMap { member in
            guard let value = replaced[member.name] else { return member }
            return value.map { (name: member.name, value: $0) }
        }
        return Array("{\(members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ","))\(added)}".utf8)
    }

    private static func read(_ json: [UInt8]) -> EndpointRecord? { EndpointRecord(json: json, tenant: "acme", slot: 3) }

    @Test func recordsAreStrict() throws {
        #expect(Self.read(Self.json()) != nil)
        #expect(Self.read(Self.json(added: #","user":"ann","description":"d""#)) != nil)
        for name in ["v", "id", "createdAt", "url", "types", "ordered", "secret", "formerSecrets", "state", "cursor"] {
            #expect(Self.read(Self.json([name: String?.none])) == nil, "without \(name)")
            #expect(Self.read(Self.json([name: "null"])) == nil, "\(name) null")
            #expect(Self.read(Self.json([name: "{}"])) == nil, "\(name) {}")
        }
        let wrong: [(String, String)] = [
            ("v", "2"), ("v", "1.5"), ("id", "\"whk_1\""), ("createdAt", "-1"), ("createdAt", "253402300800000"), ("createdAt", "1e30"),
            ("url", "\"https://u:p@hooks.example/\""), ("url", "\"https://2130706433/\""), ("types", "[]"), ("types", "[\"x\"]"),
            ("ordered", "1"),
            ("secret", "\"whsec_AAAA\""), ("formerSecrets", #"[{"secret":"whsec_AAAA","until":1}]"#),
            ("formerSecrets", #"[{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}]"#),
            ("formerSecrets", #"[{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","until":1,"x":1}]"#),
            (
                "formerSecrets",
                "[\(Array(repeating: #"{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","until":1}"#, count: 4).joined(separator: ","))]"
            ),
            ("cursor", "\"evt_1\""), ("state", #"{"name":"enabled","at":1}"#), ("state", #"{"name":"unknown"}"#),
            ("state", #"{"name":"failing"}"#),
            ("state", #"{"name":"failing","since":1,"failures":10,"retryAt":1}"#),
            ("state", #"{"name":"failing","since":1,"failures":-1,"retryAt":1}"#),
            ("state", #"{"name":"pending","since":1,"failures":0,"retryAt":9223372036854775807}"#),
            ("state", #"{"name":"disabled","at":1}"#),
            ("state", #"{"name":"disabled","reason":"x","at":1}"#), ("state", #"{"name":"enabled","x":1}"#),
        ]
        for (name, value) in wrong { #expect(Self.read(Self.json([name: value])) == nil, "\(name): \(value)") }
        for added in [
            #","x":1"#, #","v":1"#, #","deletedAt":1"#, #","user":"""#, #","user":null"#, #","description":"a\nb""#, #","user":1"#,
            #","owner":"""#, #","owner":null"#, #","announcedAt":-1"#,
            #","replay":null"#, #","replay":{}"#, #","replay":{"at":1,"from":"evt_1","to":"evt_1"}"#,
            ",\"replay\":{\"at\":-1,\"from\":\"\(EndpointFixture.cursor)\",\"to\":\"\(EndpointFixture.cursor)\"}",
            ",\"replay\":{\"at\":1,\"from\":\"\(EndpointFixture.cursor)\",\"to\":\"\(EndpointFixture.cursor)\",\"x\":1}",
            #","announcedAt":null"#,
            ",\"owner\":\"\(String(repeating: "x", count: 65))\"",
        ] {
            #expect(Self.read(Self.json(added: added)) == nil, "\(added)")
        }
        for text in ["", "[]", "null", "{}", #"{"v":1}"#, #"{"v":1,"id":"whk_00000000000000000000000003"}"#] {
            #expect(Self.read(Array(text.utf8)) == nil, "\(text)")
        }
        #expect(Self.read(Array(#"{"v":1,"id":"whk_00000000000000000000000003","deletedAt":1}"#.utf8)) != nil)
        #expect(Self.read(Array(#"{"v":1,"id":"whk_00000000000000000000000003","deletedAt":1,"x":1}"#.utf8)) == nil)
    }

    /// What is read is written and read back as the same, and its times can be reckoned with.
    @Test func fuzzedRecordsAreReadBack() throws {
        let failing = #"{"name":"failing","since":1,"failures":3,"retryAt":1}"#
        let seeds = [
            Self.json(), Self.json(["state": failing]), EndpointRecord.deleted(EndpointID(slot: 3, time: Self.time), at: Self.time).json,
        ]
        try Fuzzer("endpoint record", seeds: seeds, tokens: ["\"user\":", "\"state\":", "whsec_", "whk_", "evt_", "253402300799999"]).run {
            bytes in
            guard let record = Self.read(bytes) else { return }
            try expect(Self.read(record.json) == record, "it is read back as another record")
            guard case .endpoint(let endpoint) = record else { return }
            var health = EndpointHealth(endpoint.state)
            _ = health.attemptEnded(.failed(.timedOut), in: health.round, at: Self.time, random: 0.5)
            try expect(Self.read(EndpointRecord.endpoint(endpoint).json) != nil, "it cannot be written")
        }
    }

    @Test(
        "Subjects that are not slots",
        arguments: [
            "webhooks.acme", "webhooks.acme.", "webhooks.acme.1024", "webhooks.acme.-1", "webhooks.acme.01", "webhooks.acme.1.2",
            "other.acme.1", "webhooks..1",
            "webhooks.=.1", "webhooks.a=zz.1", "webhooks.acme.x",
        ]
    )
    func noSlot(_ subject: String) { #expect(EndpointStore.change(subject: subject, body: Self.json(), revision: 1) == nil) }

    @Test func whatIsNoRecordIsTold() {
        let change = EndpointStore.change(subject: "webhooks.acme.3", body: Array("{}".utf8), revision: 8)
        #expect(change?.tenant == "acme" && change?.slot == 3 && change?.revision == 8 && change?.record == nil)
        #expect(EndpointStore.change(subject: "webhooks.acme.3", body: Self.json(), revision: 8)?.record != nil)
    }
}
