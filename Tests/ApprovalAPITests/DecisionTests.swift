import Basics
import EventModel
import HTTPAPI
import TestKit
import Testing

@testable import approval_api

@Suite struct DecisionTests {
    private static let approvalID = ApprovalID(generated: "apr \"1\"")
    private static let eventID = EventID(generated: "dec_1")

    private static func decision(_ action: DecisionAction, recipients: Recipients = .everyone, reason: String? = nil) -> Decision {
        Decision(
            approvalID: approvalID,
            remediationID: RemediationID(generated: "rem"),
            incidentID: IncidentID(generated: "inc"),
            recipients: recipients,
            action: action,
            decidedBy: UserID(generated: "ann"),
            decidedAt: Fixture.time,
            reason: reason
        )
    }

    @Test(arguments: DecisionAction.allCases)
    func isReadBackFromItsEvent(_ action: DecisionAction) throws {
        let decision = Self.decision(action, reason: "line\nbreak")
        let event = try decision.event(id: Self.eventID, tenant: Fixture.acme, traceparent: nil)
        #expect(event.type.name == "approval.resolved")
        #expect(event.id == Self.eventID)
        #expect(event.time == Fixture.time)
        #expect(Decision(event, on: Self.approvalID) == decision)
        #expect(Decision(event, on: ApprovalID(generated: "another")) == nil, "an event at the place of another approval is no decision")
    }

    /// A decision names its request by the id of its event, and counts for no other.
    @Test func namesItsRequest() throws {
        let place = LogPlace(sequence: 41, intake: Fixture.time)
        var decision = Self.decision(.approve)
        #expect(decision.isAbout(place), "what was written before decisions named a request may be about any")
        decision.request = Cursor(time: place.intake, epoch: 7, sequence: 41)
        let event = try decision.event(id: Self.eventID, tenant: Fixture.acme, traceparent: nil)
        #expect(event.payload.string("requestEventId") == decision.request?.text)
        let read = try #require(Decision(event, on: Self.approvalID))
        #expect(read == decision && read.request?.time == place.intake)
        #expect(read.isAbout(place))
        #expect(!read.isAbout(LogPlace(sequence: 42, intake: Fixture.time)))
        #expect(!read.isAbout(LogPlace(sequence: 41, intake: Fixture.later(1))), "another event at the same place of a restored log")
    }

    @Test(arguments: ["\"evt_x\"", "\"\"", "7", "{}", "true"])
    func oneThatNamesNoEventIsNoDecision(_ id: String) throws {
        let payload = #"{"approvalId":"a","remediationId":"r","action":"approve","requestEventId":\#(id)}"#
        #expect(Decision(try Fixture.event("approval.resolved", payload), on: ApprovalID(generated: "a")) == nil)
        let none = #"{"approvalId":"a","remediationId":"r","action":"approve","requestEventId":null}"#
        #expect(Decision(try Fixture.event("approval.resolved", none), on: ApprovalID(generated: "a"))?.request == nil)
    }

    @Test(arguments: [
        (DecisionAction.approve, "remediation.approved", "executing", nil),
        (.reject, "remediation.rejected", "cancelled", nil),
        (.expire, "remediation.rejected", "cancelled", "Nobody answered in time."),
    ])
    func entailsAnEvent(_ action: DecisionAction, _ type: String, _ status: String, _ reason: String?) throws {
        let decision = Self.decision(action)
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let event = try decision.event(id: Self.eventID, tenant: Fixture.acme, traceparent: traceparent)
        let effect = try decision.effect(of: event, sequence: 42)
        #expect(effect.type.name == type)
        #expect(effect.id.text == "decision_42_effect")
        #expect(effect.traceparent == traceparent)
        #expect(effect.payload.string("remediationId") == "rem")
        #expect(effect.payload.string("incidentId") == "inc")
        #expect(effect.payload.string("approvalId") == "apr \"1\"")
        #expect(effect.payload.string("decidedBy") == "ann")
        #expect(effect.payload.string("reason") == reason)
        #expect(action.remediationStatus == status)
    }

    /// The effect of an accepted request can always be stored: identifiers and reason of maximum length, every byte escaped, and
    /// together with the headers still smaller than the smallest `max_payload` that nats-server is likely to have.
    @Test func theLargestDecisionAndItsEffectFit() throws {
        let longest = String(repeating: "\"", count: 256)
        let decision = Decision(
            approvalID: try ApprovalID(longest),
            remediationID: try RemediationID(longest),
            incidentID: try IncidentID(longest),
            recipients: Recipients(try UserID(longest)),
            action: .approve,
            decidedBy: try UserID(longest),
            decidedAt: Fixture.time,
            reason: String(repeating: "\u{1}", count: DecisionRequest.maximumReason)
        )
        let event = try decision.event(id: Self.eventID, tenant: Tenant(longest), traceparent: nil)
        let effect = try decision.effect(of: event, sequence: .max)
        #expect(max(event.payload.bytes.count, effect.payload.bytes.count) < 32 * 1024)
        for field in ["approvalId", "remediationId", "incidentId", "requestedBy"] {
            let others = ["approvalId", "remediationId"].filter { $0 != field }.map { #""\#($0)":"x""# }
            let payload = "{\((others + [#""\#(field)":"\#(String(repeating: "i", count: 257))""#]).joined(separator: ","))}"
            #expect(throws: ValidationError.self) {
                try EventDraft(type: Approval.Request.type, payload: Payload(validating: Array(payload.utf8)))
            }
        }
    }

    /// Contract §12: decision and effect of a private request have the same recipients.
    @Test(arguments: [Recipients.everyone, Recipients("bob"), Recipients("bob", and: ["nina", "x"])])
    func isForWhomTheRequestWas(_ recipients: Recipients?) throws {
        let recipients = try #require(recipients)
        for action in DecisionAction.allCases {
            let decision = Self.decision(action, recipients: recipients)
            let event = try decision.event(id: Self.eventID, tenant: Fixture.acme, traceparent: nil)
            #expect(event.recipients == recipients)
            let read = try #require(Decision(event, on: Self.approvalID))
            #expect(read.recipients == recipients)
            #expect(try read.effect(of: event, sequence: 1).recipients == recipients)
        }
    }

    /// Canonically equivalent ids are different approvals.
    @Test func placesAreComparedByteForByte() throws {
        let payload = #"{"approvalId":"\u00e9","remediationId":"r","action":"approve"}"#
        let event = try Fixture.event("approval.resolved", payload)
        #expect(Decision(event, on: ApprovalID(generated: "\u{E9}")) != nil)
        #expect(Decision(event, on: ApprovalID(generated: "e\u{301}")) == nil)
    }

    /// Whatever a request and a decision may hold, the decision and its effect fit into an event.
    @Test func theLargestDecisionFits() throws {
        let widest = String(repeating: "\"", count: 256)
        let decision = Decision(
            approvalID: try ApprovalID(widest),
            remediationID: try RemediationID(widest),
            incidentID: try IncidentID(widest),
            recipients: Recipients(try UserID(widest)),
            action: .reject,
            decidedBy: try UserID(widest),
            decidedAt: Fixture.time,
            reason: String(repeating: "\u{1}", count: DecisionRequest.maximumReason)
        )
        let event = try decision.event(id: Self.eventID, tenant: try Tenant(widest), traceparent: nil)
        #expect(try decision.effect(of: event, sequence: .max).payload.bytes.count < 32 * 1024)
    }

    @Test(arguments: [
        #"{"approvalId":"a","remediationId":"r","action":"maybe"}"#, #"{"approvalId":"a","remediationId":"r","action":1}"#,
        #"{"approvalId":"b","remediationId":"r","action":"approve"}"#, #"{"approvalId":"a","action":"approve"}"#,
    ])
    func otherEventsAreNoDecisions(_ payload: String) throws {
        #expect(Decision(try Fixture.event("approval.resolved", payload), on: ApprovalID(generated: "a")) == nil)
    }
}

@Suite struct DecisionIDTests {
    private static func id(
        key: String? = "k",
        tenant: String = "t",
        user: String = "s",
        approval: String = "a",
        action: DecisionAction = .approve,
        reason: String? = nil,
        onBehalfOf: String? = nil
    ) throws -> EventID {
        DecisionID.make(
            DecisionService.Request(
                approvalID: try ApprovalID(approval),
                action: action,
                reason: reason,
                onBehalfOf: try onBehalfOf.map { try UserID($0) },
                idempotencyKey: try key.map { try IdempotencyKey($0) }
            ),
            of: try Fixture.viewer(user, of: tenant),
            now: Fixture.time
        )
    }

    @Test func theSameRequestHasTheSameID() throws {
        #expect(try Self.id() == Self.id())
        #expect(try Self.id(reason: "x") == Self.id(reason: "x"))
    }

    @Test func everythingElseHasAnother() throws {
        let ids = [
            try Self.id(), try Self.id(key: "l"), try Self.id(tenant: "u"), try Self.id(user: "x"), try Self.id(approval: "b"),
            try Self.id(action: .reject), try Self.id(onBehalfOf: "o"), try Self.id(reason: ""), try Self.id(reason: "x"),
            try Self.id(key: "kt", tenant: "s", user: "t"),
            try Self.id(key: "k1:t"), try Self.id(key: nil), try Self.id(key: nil), try Self.id(key: "\u{E9}"),
            try Self.id(key: "e\u{301}"),
        ]
        #expect(Set(ids).count == ids.count)
    }

    @Test func beginsWithWhatTheKeyNames() throws {
        let key = try IdempotencyKey("k")
        let prefix = DecisionID.prefix(key: key, of: try Fixture.viewer("s", of: "t"))
        #expect(try Self.id().text.hasPrefix(prefix))
        #expect(try Self.id(approval: "b", action: .reject).text.hasPrefix(prefix))
        #expect(try !Self.id(user: "x").text.hasPrefix(prefix))
    }

    @Test(arguments: ["", "a\u{0}", "a\nb", "\u{7F}", "\u{85}", String(repeating: "x", count: 257)])
    func keysKeepToTheRules(_ text: String) {
        #expect(throws: ValidationError.self) { try IdempotencyKey(text) }
    }

    @Test(arguments: [" ", "a b", "\u{E9}", "😀", String(repeating: "x", count: 256)])
    func otherKeysAreTaken(_ text: String) throws {
        #expect(try IdempotencyKey(text).text == text)
    }
}
