import Basics
import EventModel
import TestKit
import Testing

@Suite struct SubjectTokenTests {
    @Test(arguments: [
        ("", "="), ("acme", "acme"), ("Az09_-", "Az09_-"), ("a.b", "a=2Eb"), ("=", "=3D"), ("*", "=2A"), (">", "=3E"), (" ", "=20"),
        ("é", "=C3=A9"), ("🚦", "=F0=9F=9A=A6"), ("a\0b", "a=00b"), ("$SYS", "=24SYS"),
    ])
    func encodes(_ text: String, _ token: String) {
        #expect(SubjectToken.encode(text) == token)
        #expect(SubjectToken.decode(token) == text)
    }

    /// The encoding is one-to-one: a token that no text encodes to is rejected.
    @Test(arguments: ["", "==", "a=", "=4", "=41", "=2e", "=G0", "a b", "a.b", "*", ">", "é", "=C3", "=FF", "=3D=", "=ED=A0=80"])
    func refuses(_ token: String) {
        #expect(SubjectToken.decode(token) == nil)
    }

    @Test func roundTrips() {
        var generator = SplitMix64(seed: 6)
        for _ in 0..<2000 {
            let text = RandomText.unicode(maximumScalars: 40, using: &generator)
            let token = SubjectToken.encode(text)
            #expect(!token.isEmpty)
            #expect(token.utf8.count <= max(1, 3 * text.utf8.count))
            #expect(token.utf8.allSatisfy { (0x21...0x7E).contains($0) && !bytes(".*>").contains($0) })
            #expect(SubjectToken.decode(token).map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    @Test func isBounded() {
        let longest = String(repeating: "é", count: IdentifierKinds.Approval.maximumBytes / 2)
        #expect(SubjectToken.decode(SubjectToken.encode(longest)) == longest)
        #expect(SubjectToken.decode(String(repeating: "a", count: SubjectToken.maximumBytes + 1)) == nil)
    }
}

@Suite struct EventSubjectTests {
    @Test(arguments: [
        ("events.acme.incident.created", "acme", "incident.created"),
        ("events.acme.issue.status.changed", "acme", "issue.status.changed"),
        ("events.a=2Eb.tenant.created", "a.b", "tenant.created"),
        ("events.acme", "acme", nil),
        ("events.acme.DECISION.apr_1", "acme", nil),
        ("events.acme.DECISION.=", "acme", nil),
    ])
    func parses(_ subject: String, _ tenant: String, _ type: String?) throws {
        let parsed = try EventSubject(subject)
        #expect(parsed.tenant.text == tenant)
        #expect(parsed.type?.name == type)
    }

    @Test(arguments: [
        "", "events", "events.", "events..a.b", "event.acme.a.b", "EVENTS.acme.a.b", "events.acme.", "events.acme.created",
        "events.acme.a..b",
        "events.=.a.b", "events.a b.a.b", "events.acme.a.b.", "events.acme.9.b", "executions.acme.agents.x", "e", "événts.acme.a.b",
    ])
    func refuses(_ subject: String) {
        #expect(fault { try EventSubject(subject) }?.field.hasPrefix("subject") == true)
    }

    @Test func builds() throws {
        let tenant = Tenant("ws 1.x")
        #expect(try EventSubject.event(tenant: tenant, type: EventType("incident.created")) == "events.ws=201=2Ex.incident.created")
    }

    @Test(arguments: [
        (ApprovalPlace.decision(approvalID: "apr.1"), "events.ws=201=2Ex.DECISION.apr=2E1"),
        (.request(approvalID: "apr.1"), "events.ws=201=2Ex.DECISION.apr=2E1.REQUEST"),
        (.effect(approvalID: "apr.1"), "events.ws=201=2Ex.DECISION.apr=2E1.EFFECT"),
        (.vote(approvalID: "apr.1", voter: "a.é"), "events.ws=201=2Ex.DECISION.apr=2E1.VOTE.a=2E=C3=A9"),
        (.vote(approvalID: "apr.1", voter: "VOTE"), "events.ws=201=2Ex.DECISION.apr=2E1.VOTE.VOTE"),
        (.escalation(approvalID: "apr.1", step: 1), "events.ws=201=2Ex.DECISION.apr=2E1.ESCALATION.1"),
        (.escalation(approvalID: "apr.1", step: 99), "events.ws=201=2Ex.DECISION.apr=2E1.ESCALATION.99"),
        (.consumption(approvalID: "apr.1"), "events.ws=201=2Ex.DECISION.apr=2E1.CONSUMPTION"),
        (.decision(approvalID: "REQUEST"), "events.ws=201=2Ex.DECISION.REQUEST"),
    ])
    func placesOfDecisionsAreReadBack(_ place: ApprovalPlace, _ subject: String) throws {
        let tenant = Tenant("ws 1.x")
        #expect(EventSubject.approval(tenant: tenant, place: place) == subject)
        let parsed = try EventSubject(subject)
        #expect(parsed.tenant == tenant)
        #expect(parsed.type == nil)
        #expect(parsed.approvalPlace == place)
    }

    @Test(arguments: [
        "events.a.DECISION", "events.a.DECISION.x.OTHER", "events.a.DECISION.x.EFFECT.y", "events.a.DECISIONS.x", "events.a.b.c",
        "events.a",
        "events.a.DECISION.=zz", "events.a.DECISION.x.REQUEST.y", "events.a.DECISION.x.DECISION", "events.a.DECISION.x.VOTE",
        "events.a.DECISION.x.VOTE.=zz", "events.a.DECISION.x.VOTE.=", "events.a.DECISION.x.VOTE.u.v", "events.a.DECISION.x.ESCALATION",
        "events.a.DECISION.x.ESCALATION.0", "events.a.DECISION.x.ESCALATION.01", "events.a.DECISION.x.ESCALATION.+1",
        "events.a.DECISION.x.ESCALATION.-1", "events.a.DECISION.x.ESCALATION.100", "events.a.DECISION.x.ESCALATION.1.2",
        "events.a.DECISION.x.ESCALATION.99999999999999999999", "events.a.DECISION.x.CONSUMPTION.y", "events.a.DECISION.x.vote.u",
    ])
    func otherSubjectsAreNoPlacesOfDecisions(_ subject: String) throws {
        #expect(try EventSubject(subject).approvalPlace == nil)
    }
}

@Suite struct ApprovalRecordSubjectTests {
    @Test(arguments: [
        (ApprovalPlace.request(approvalID: "apr.1"), "approvals.ws=201=2Ex.apr=2E1.REQUEST"),
        (.vote(approvalID: "apr.1", voter: "a.é"), "approvals.ws=201=2Ex.apr=2E1.VOTE.a=2E=C3=A9"),
        (.escalation(approvalID: "apr.1", step: 12), "approvals.ws=201=2Ex.apr=2E1.ESCALATION.12"),
        (.decision(approvalID: "apr.1"), "approvals.ws=201=2Ex.apr=2E1.DECISION"),
        (.consumption(approvalID: "apr.1"), "approvals.ws=201=2Ex.apr=2E1.CONSUMPTION"),
    ])
    func isReadBack(_ place: ApprovalPlace, _ subject: String) throws {
        let tenant = Tenant("ws 1.x")
        #expect(place.recordSubject(tenant: tenant) == subject)
        let parsed = try #require(ApprovalPlace.record(subject: subject))
        #expect(parsed.tenant == tenant && parsed.place == place)
        #expect(ApprovalPlace(approvalID: place.approvalID, name: place.name) == place)
        #expect(throws: ValidationError.self, "a record is at no subject of the log") { try EventSubject(subject) }
    }

    @Test(arguments: [
        "", "approvals", "approvals.a", "approvals.a.x", "approvals.a.x.", "approvals..x.REQUEST", "approvals.=.x.REQUEST",
        "approvals.a.=.REQUEST", "approvals.a.=zz.REQUEST", "approvals.a.x.EFFECT", "approvals.a.x.OTHER", "approvals.a.x.REQUEST.y",
        "approvals.a.x.VOTE", "approvals.a.x.VOTE.u.v", "approvals.a.x.ESCALATION.0", "approvals.a.x.ESCALATION.100",
        "approvals.a.x.DECISION.", "delegations.a.u.dlg_1", "events.a.DECISION.x", "APPROVALS.a.x.REQUEST",
    ])
    func refuses(_ subject: String) {
        #expect(ApprovalPlace.record(subject: subject) == nil)
    }

    /// The identifiers of maximum length, with every byte escaped, stay at a subject that can be read back.
    @Test func theLongestIsReadBack() throws {
        let longest = String(repeating: "é", count: 128)
        let place = ApprovalPlace.vote(approvalID: ApprovalID(generated: longest), voter: UserID(generated: longest))
        let parsed = try #require(ApprovalPlace.record(subject: place.recordSubject(tenant: Tenant(generated: longest))))
        #expect(parsed.place == place && parsed.tenant.text == longest)
    }
}
