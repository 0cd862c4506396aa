import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import approval_api

@Suite struct DecisionRulesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var approval: Approval
        var action: DecisionAction = .approve
        var verdict: DecisionRules.Verdict

        var testDescription: String { name }
    }

    private static let decided = Approval.Decided(
        eventID: EventID(generated: "d"),
        decision: Decision(
            approvalID: ApprovalID(generated: "apr"),
            remediationID: RemediationID(generated: "rem"),
            action: .approve,
            decidedBy: UserID(generated: "bob"),
            decidedAt: Fixture.time
        ),
        place: LogPlace(sequence: 2, intake: Fixture.time)
    )

    private static func resolved(_ approval: Approval) -> Approval {
        var approval = approval
        approval.decision = decided
        return approval
    }

    static let cases = [
        Case(name: "open", approval: Fixture.approval(), verdict: .proceed),
        Case(name: "open for a while", approval: Fixture.approval(expiry: .at(Fixture.later(1))), verdict: .proceed),
        Case(name: "over this instant", approval: Fixture.approval(expiry: .at(Fixture.time)), verdict: .expired),
        Case(
            name: "over long ago, to be rejected",
            approval: Fixture.approval(expiry: .at(Fixture.later(-1))),
            action: .reject,
            verdict: .expired
        ),
        Case(name: "asked for oneself", approval: Fixture.approval(requestedBy: "ann"), verdict: .proceed),
        Case(name: "four eyes, oneself", approval: Fixture.approval(requestedBy: "ann", fourEyes: true), verdict: .selfApproval),
        Case(
            name: "four eyes, oneself, to be rejected",
            approval: Fixture.approval(requestedBy: "ann", fourEyes: true),
            action: .reject,
            verdict: .selfApproval
        ),
        Case(name: "four eyes, another", approval: Fixture.approval(requestedBy: "bob", fourEyes: true), verdict: .proceed),
        Case(name: "four eyes, nobody", approval: Fixture.approval(fourEyes: true), verdict: .unknownRequester),
        // Compared byte for byte: one letter, and the same with a combining accent.
        Case(
            name: "four eyes, one who looks alike",
            approval: Fixture.approval(requestedBy: "a\u{6E}\u{303}n", fourEyes: true),
            verdict: .proceed
        ),
        Case(name: "four eyes, nobody, to be rejected", approval: Fixture.approval(fourEyes: true), action: .reject, verdict: .proceed),
        Case(
            name: "over and four eyes",
            approval: Fixture.approval(requestedBy: "ann", fourEyes: true, expiry: .at(Fixture.time)),
            verdict: .expired
        ),
        Case(
            name: "decided comes before everything",
            approval: resolved(Fixture.approval(requestedBy: "ann", fourEyes: true, expiry: .at(Fixture.time))),
            verdict: .resolved(decided)
        ),
    ]

    @Test(arguments: cases)
    func judges(_ testCase: Case) {
        #expect(
            DecisionRules.judge(testCase.approval, action: testCase.action, by: Fixture.ann.user, now: Fixture.time) == testCase.verdict
        )
    }
}

@Suite struct ApprovalRequestTests {
    @Test(arguments: [
        ("", Approval.Expiry.never, false),
        (#","expiresAt":null,"fourEyes":null"#, .never, false),
        (#","expiresAt":"2024-04-01T14:32:10+02:00","fourEyes":true"#, .at(Timestamp(millisecondsSinceEpoch: 1_711_974_730_000)), true),
        // A malformed restriction applies in its strictest form.
        (#","expiresAt":"tomorrow","fourEyes":"false""#, .at(Timestamp(millisecondsSinceEpoch: 0)), true),
        (#","expiresAt":1711974730,"fourEyes":0"#, .at(Timestamp(millisecondsSinceEpoch: 0)), true),
        (#","expiresAt":"","fourEyes":false"#, .at(Timestamp(millisecondsSinceEpoch: 0)), false),
    ])
    func readsWhatStopsADecision(_ members: String, _ expiry: Approval.Expiry, _ fourEyes: Bool) throws {
        let entry = try Fixture.request("a", members: members)
        let request = try #require(Approval.Request(entry.event, at: LogPlace(sequence: 1, intake: Fixture.time)))
        #expect(request.expiry == expiry)
        #expect(request.fourEyes == fourEyes)
    }

    /// An invalid requester counts as absent, so that a name without a token cannot bypass the four-eyes rule.
    @Test(arguments: [#""""#, #""a\u0000b""#, "7", "null", "\"\(String(repeating: "x", count: 257))\""])
    func aRequesterThatIsNoUserIsNobody(_ requester: String) throws {
        let entry = try Fixture.request("a", members: #","fourEyes":true,"requestedBy":\#(requester)"#)
        let request = try #require(Approval.Request(entry.event, at: LogPlace(sequence: 1, intake: Fixture.time)))
        #expect(request.requestedBy == nil)
        let approval = Approval(request: request)
        #expect(DecisionRules.judge(approval, action: .approve, by: Fixture.ann.user, now: Fixture.time) == .unknownRequester)
    }

    /// A request with an invalid identifier is ignored, since its effects would carry it (contract §0).
    @Test(arguments: [
        #"{"approvalId":"a\u0000","remediationId":"r"}"#, #"{"approvalId":"","remediationId":"r"}"#,
        #"{"approvalId":"..","remediationId":"r"}"#,
        #"{"approvalId":"a","remediationId":"r\n"}"#, #"{"approvalId":"a","remediationId":"r","incidentId":"i\u0085"}"#,
        #"{"approvalId":"a","remediationId":"r","incidentId":""}"#,
        #"{"approvalId":"a","remediationId":"r","incidentId":"\#(String(repeating: "x", count: 257))"}"#, #"{"approvalId":"a"}"#,
    ])
    func brokenIdentifiersAreNoRequests(_ payload: String) throws {
        let event = try Fixture.event("approval.requested", payload)
        #expect(Approval.Request(event, at: LogPlace(sequence: 1, intake: Fixture.time)) == nil)
        #expect(LogChange.changes(of: try Fixture.entry(1, "approval.requested", payload)).isEmpty, "and asks nobody")
    }

    @Test func otherEventsAreNoRequests() throws {
        let event = try Fixture.event("approval.resolved", #"{"approvalId":"a","remediationId":"r","action":"approve"}"#)
        #expect(Approval.Request(event, at: LogPlace(sequence: 1, intake: Fixture.time)) == nil)
    }
}
