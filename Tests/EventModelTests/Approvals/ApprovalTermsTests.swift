import Basics
import TestKit
import Testing

@testable import EventModel

@Suite struct ApprovalTermsTests {
    private static let identifiers = #""approvalId":"a","remediationId":"r""#

    private func terms(_ members: String) throws -> ApprovalTerms {
        try ApprovalTerms(Payload(validating: bytes("{\(Self.identifiers)\(members)}")), field: "payload")
    }

    @Test func readsWhatARequestSays() throws {
        let terms = try terms(
            #","description":"Two\nlines","risk":"high","action":{ "run" : "drop" },"fourEyes":true,"groups":[{"name":"g","roles":["r"]}]"#
        )
        #expect(terms.description == "Two\nlines")
        #expect(terms.risk == .high)
        #expect(terms.action == bytes(#"{ "run" : "drop" }"#))
        #expect(terms.actionDigest == (try ActionDigest(of: bytes(#"{"run":"drop"}"#)[...], field: "action")))
        #expect(terms.fourEyes)
        #expect(terms.policy.groups.map(\.name) == ["g"])
    }

    @Test(arguments: ["", #","description":null,"risk":null,"action":null,"fourEyes":null,"groups":null,"escalation":[]"#])
    func everythingMayBeAbsent(_ members: String) throws {
        let terms = try terms(members)
        #expect(terms.description == nil && terms.risk == nil && terms.action == nil && terms.actionDigest == nil)
        #expect(!terms.fourEyes)
        #expect(terms.policy.baseSet == ApprovalPolicy.anyAdmin)
    }

    @Test(arguments: ["false", "0", #""""#, "[]", "{}"]) func anActionIsAnyJSON(_ action: String) throws {
        #expect(try terms(#","action":\#(action)"#).action == bytes(action))
        #expect(try terms(#","action":\#(action)"#).actionDigest != nil)
    }

    @Test(arguments: ApprovalTerms.Risk.allCases) func thereAreFourRisks(_ risk: ApprovalTerms.Risk) throws {
        #expect(["low", "medium", "high", "critical"].contains(risk.rawValue))
        #expect(try terms(#","risk":"\#(risk.rawValue)""#).risk == risk)
    }

    private static let invalid = [
        (#","risk":"High""#, "risk"), (#","risk":3"#, "risk"), (#","risk":"""#, "risk"), (#","fourEyes":"true""#, "fourEyes"),
        (#","fourEyes":1"#, "fourEyes"), (#","action":{"amount":1e400}"#, "action"),
        (#","groups":[{"name":"g","roles":["r"],"n":0}]"#, "groups[0].n"),
        (#","escalation":[{"after":"1y","groups":[]}]"#, "escalation[0].after"),
    ]

    @Test(arguments: invalid) func refusesWithThePathOfTheMember(_ members: String, _ path: String) throws {
        #expect(fault { try terms(members) }?.field == "payload.\(path)")
    }

    /// At every door of the intake, in the words of its form; what the log holds is read all the same.
    @Test(arguments: invalid) func theIntakeAloneRefuses(_ members: String, _ path: String) throws {
        let data = "{\(Self.identifiers)\(members)}"
        let type = try EventType("approval.requested")
        let payload = try Payload(validating: bytes(data))
        #expect(fault { try EventDraft(type: type, payload: payload) }?.field == "payload.\(path)")
        let native = bytes(#"[{"type":"approval.requested","payload":\#(data)}]"#)
        #expect(fault { try EventIntake.events(native: native) }?.field == "[0].payload.\(path)")
        let structured = bytes(#"{"specversion":"1.0","id":"1","source":"/s","type":"approval.requested","data":\#(data)}"#)
        #expect(fault { try EventIntake.event(structured: structured) }?.field == "data.\(path)")
        let fields = try AttributeFields(["ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "approval.requested"])
        #expect(fault { try EventIntake.event(binary: bytes(data), fields) }?.field == "body.\(path)")
        #expect(fault { try EventCatalogue.validate(type: type, payload: payload) } == nil)
        #expect(
            fault {
                try NATSBinding.event(
                    subject: "events.acme.approval.requested",
                    body: bytes(data),
                    fallbackID: "e",
                    storedAt: Timestamp(millisecondsSinceEpoch: 0),
                    AttributeFields()
                )
            } == nil
        )
    }

    @Test func otherTypesMayHaveSuchMembers() throws {
        let payload = try Payload(validating: bytes(#"{"risk":7,"fourEyes":"no","groups":{}}"#))
        #expect(fault { try EventDraft(type: EventType("billing.approved"), payload: payload) } == nil)
    }
}
