import Basics
import EventModel
import TestKit
import Testing

@testable import approval_api

@Suite struct DecisionTests {
    private static func decision(_ action: DecisionAction, reason: String? = nil) -> Decision {
        Decision(
            approvalID: "apr \"1\"",
            remediationID: "rem",
            incidentID: "inc",
            action: action,
            decidedBy: "ann",
            decidedAt: Fixture.time,
            reason: reason
        )
    }

    @Test(arguments: DecisionAction.allCases)
    func isReadBackFromItsEvent(_ action: DecisionAction) throws {
        let decision = Self.decision(action, reason: "line\nbreak")
        let event = try decision.event(id: "dec_1", tenant: Tenant("acme"), traceparent: nil)
        #expect(event.type.name == "approval.resolved")
        #expect(event.id == "dec_1")
        #expect(event.time == Fixture.time)
        #expect(Decision(event, on: "apr \"1\"") == decision)
        #expect(Decision(event, on: "another") == nil, "an event at the place of another approval is no decision")
    }

    @Test(arguments: [
        (DecisionAction.approve, "remediation.approved", "executing", nil),
        (.reject, "remediation.rejected", "cancelled", nil),
        (.expire, "remediation.rejected", "cancelled", "Nobody answered in time."),
    ])
    func entailsAnEvent(_ action: DecisionAction, _ type: String, _ status: String, _ reason: String?) throws {
        let decision = Self.decision(action)
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let event = try decision.event(id: "dec_1", tenant: Tenant("acme"), traceparent: traceparent)
        let effect = try decision.effect(of: event, sequence: 42)
        #expect(effect.type.name == type)
        #expect(effect.id == "decision_42_effect")
        #expect(effect.traceparent == traceparent)
        #expect(effect.payload.string("remediationId") == "rem")
        #expect(effect.payload.string("incidentId") == "inc")
        #expect(effect.payload.string("approvalId") == "apr \"1\"")
        #expect(effect.payload.string("decidedBy") == "ann")
        #expect(effect.payload.string("reason") == reason)
        #expect(action.remediationStatus == status)
    }

    @Test(arguments: [
        #"{"approvalId":"a","remediationId":"r","action":"maybe"}"#, #"{"approvalId":"a","remediationId":"r","action":1}"#,
        #"{"approvalId":"b","remediationId":"r","action":"approve"}"#, #"{"approvalId":"a","action":"approve"}"#,
    ])
    func otherEventsAreNoDecisions(_ payload: String) throws {
        #expect(Decision(try Fixture.event("approval.resolved", payload), on: "a") == nil)
    }
}

@Suite struct DecisionIDTests {
    private static func id(
        key: String? = "k",
        tenant: String = "t",
        subject: String = "s",
        approval: String = "a",
        action: DecisionAction = .approve,
        reason: String? = nil
    ) -> EventID {
        DecisionID.make(key: key, tenant: tenant, subject: subject, approvalID: approval, action: action, reason: reason, now: Fixture.time)
    }

    @Test func theSameRequestHasTheSameID() {
        #expect(Self.id() == Self.id())
        #expect(Self.id(reason: "x") == Self.id(reason: "x"))
    }

    @Test func everythingElseHasAnother() {
        let ids = [
            Self.id(), Self.id(key: "l"), Self.id(tenant: "u"), Self.id(subject: "x"), Self.id(approval: "b"), Self.id(action: .reject),
            Self.id(reason: ""), Self.id(reason: "x"), Self.id(key: "kt", tenant: ""), Self.id(key: "k1:t", tenant: ""), Self.id(key: nil),
            Self.id(key: nil),
        ]
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.text.utf8.count <= IdentifierKinds.Event.maximumBytes })
    }
}
