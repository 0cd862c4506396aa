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
        (DecisionPlace.decision(approvalID: "apr.1"), "events.ws=201=2Ex.DECISION.apr=2E1"),
        (.request(approvalID: "apr.1"), "events.ws=201=2Ex.DECISION.apr=2E1.REQUEST"),
        (.effect(approvalID: "apr.1"), "events.ws=201=2Ex.DECISION.apr=2E1.EFFECT"),
    ])
    func placesOfDecisionsAreReadBack(_ place: DecisionPlace, _ subject: String) throws {
        let tenant = Tenant("ws 1.x")
        #expect(EventSubject.decision(tenant: tenant, place: place) == subject)
        let parsed = try EventSubject(subject)
        #expect(parsed.tenant == tenant)
        #expect(parsed.type == nil)
        #expect(parsed.decisionPlace == place)
    }

    @Test(arguments: [
        "events.a.DECISION", "events.a.DECISION.x.OTHER", "events.a.DECISION.x.EFFECT.y", "events.a.DECISIONS.x", "events.a.b.c",
        "events.a",
        "events.a.DECISION.=zz", "events.a.DECISION.x.REQUEST.y",
    ])
    func otherSubjectsAreNoPlacesOfDecisions(_ subject: String) throws {
        #expect(try EventSubject(subject).decisionPlace == nil)
    }
}
