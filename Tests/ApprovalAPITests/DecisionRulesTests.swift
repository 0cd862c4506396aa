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
        record: 2
    )

    private static let admin = DecisionRules.Right(onBehalfOf: nil, groups: ["admin"])

    private static func resolved(_ approval: Approval) -> Approval {
        var approval = approval
        approval.decision = decided
        return approval
    }

    static let cases = [
        Case(name: "open", approval: Fixture.approval(), verdict: .proceed(admin)),
        Case(name: "open for a while", approval: Fixture.approval(expiry: .at(Fixture.later(1))), verdict: .proceed(admin)),
        Case(name: "over this instant", approval: Fixture.approval(expiry: .at(Fixture.time)), verdict: .expired),
        Case(
            name: "over long ago, to be rejected",
            approval: Fixture.approval(expiry: .at(Fixture.later(-1))),
            action: .reject,
            verdict: .expired
        ),
        Case(name: "asked for oneself", approval: Fixture.approval(requestedBy: "ann"), verdict: .proceed(admin)),
        Case(name: "four eyes, oneself", approval: Fixture.approval(requestedBy: "ann", fourEyes: true), verdict: .selfApproval),
        Case(
            name: "four eyes, oneself, to be rejected",
            approval: Fixture.approval(requestedBy: "ann", fourEyes: true),
            action: .reject,
            verdict: .selfApproval
        ),
        Case(name: "four eyes, another", approval: Fixture.approval(requestedBy: "bob", fourEyes: true), verdict: .proceed(admin)),
        Case(name: "four eyes, nobody", approval: Fixture.approval(fourEyes: true), verdict: .unknownRequester),
        // Compared byte for byte: one letter, and the same with a combining accent.
        Case(
            name: "four eyes, one who looks alike",
            approval: Fixture.approval(requestedBy: "a\u{6E}\u{303}n", fourEyes: true),
            verdict: .proceed(admin)
        ),
        Case(
            name: "four eyes, nobody, to be rejected",
            approval: Fixture.approval(fourEyes: true),
            action: .reject,
            verdict: .proceed(admin)
        ),
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
        let ann = Voter(user: Fixture.ann.user, roles: ["admin"])
        #expect(DecisionRules.judge(testCase.approval, action: testCase.action, by: ann, now: Fixture.time) == testCase.verdict)
    }

    // MARK: Groups and delegations

    private static let groups = #""groups":[{"name":"security","roles":["sec"],"n":2},{"name":"owners","users":["zoe"]}]"#
    private static let escalated =
        #""groups":[{"name":"security","roles":["sec"]}],"escalation":[{"after":"10m","groups":[{"name":"chiefs","roles":["chief"]}]}]"#

    /// - Parameter given: the delegations in force to the voter.
    private func judge(
        _ approval: Approval,
        _ user: String,
        _ roles: Set<String>,
        given: [Delegation] = [],
        onBehalfOf: UserID? = nil
    ) -> DecisionRules.Verdict {
        DecisionRules.judge(
            approval,
            action: .approve,
            by: Voter(user: UserID(generated: user), roles: roles),
            delegations: given,
            onBehalfOf: onBehalfOf,
            now: Fixture.time
        )
    }

    private func right(_ groups: Set<String>, onBehalfOf other: String? = nil) -> DecisionRules.Verdict {
        .proceed(DecisionRules.Right(onBehalfOf: other.map { UserID(generated: $0) }, groups: groups))
    }

    @Test func onlyPeopleOfTheGroupsMayDecide() {
        let approval = Fixture.approval(policy: Self.groups)
        #expect(judge(approval, "ann", ["sec"]) == right(["security"]))
        #expect(judge(approval, "zoe", []) == right(["owners"]))
        #expect(judge(approval, "zoe", ["sec", "other"]) == right(["security", "owners"]))
        #expect(judge(approval, "ann", ["admin", "security", "owners"]) == .notEligible, "an admin, and names of groups, are no members")
        #expect(judge(Fixture.approval(), "ann", ["member"]) == .notEligible)
        #expect(judge(Fixture.approval(expiry: .at(Fixture.time), policy: Self.groups), "ann", []) == .expired, "the expiry comes first")
    }

    @Test func aDelegateHasTheRightsOfTheGiver() {
        let approval = Fixture.approval(policy: Self.groups)
        let given = [Fixture.delegation("ann", ["sec"], to: "bob")]
        #expect(judge(approval, "bob", [], given: given) == right(["security"], onBehalfOf: "ann"))
        #expect(judge(approval, "bob", ["admin"], given: given) == right(["security"], onBehalfOf: "ann"))
        #expect(judge(approval, "bob", [], given: [Fixture.delegation("zoe", [], to: "bob")]) == right(["owners"], onBehalfOf: "zoe"))
        #expect(judge(approval, "bob", [], given: [Fixture.delegation("ann", ["dba"], to: "bob")]) == .notEligible)
        #expect(
            judge(Fixture.approval(), "bob", [], given: [Fixture.delegation("ann", ["admin"], to: "bob")])
                == right(["admin"], onBehalfOf: "ann")
        )
    }

    @Test func theOwnRightComesFirstThenTheOldestDelegation() {
        let approval = Fixture.approval(policy: Self.groups)
        let given = [
            Fixture.delegation("none", [], to: "bob", id: "dlg_0"), Fixture.delegation("ann", ["sec"], to: "bob", id: "dlg_1"),
            Fixture.delegation("zoe", [], to: "bob", id: "dlg_2"),
        ]
        #expect(judge(approval, "bob", ["sec"], given: given) == right(["security"]))
        #expect(judge(approval, "bob", [], given: given) == right(["security"], onBehalfOf: "ann"), "the first that gives a right")
    }

    @Test func theRequestChoosesInWhosePlace() {
        let approval = Fixture.approval(policy: Self.groups)
        let given = [Fixture.delegation("ann", ["sec"], to: "bob", id: "dlg_1"), Fixture.delegation("zoe", [], to: "bob", id: "dlg_2")]
        #expect(judge(approval, "bob", ["sec"], given: given, onBehalfOf: "zoe") == right(["owners"], onBehalfOf: "zoe"))
        #expect(judge(approval, "bob", ["sec"], given: given, onBehalfOf: "carl") == .notEligible, "who gave nothing")
        #expect(judge(approval, "bob", ["sec"], given: [], onBehalfOf: "ann") == .notEligible, "nor does the own right help then")
        #expect(judge(approval, "bob", ["sec"], given: given, onBehalfOf: "bob") == .notEligible, "nobody delegates to oneself")
    }

    /// Zoe gave her right to ann, and ann hers to bob: bob has ann's, and not zoe's.
    @Test func aDelegationIsNotPassedOn() {
        let approval = Fixture.approval(policy: #""groups":[{"name":"owners","users":["zoe"]}]"#)
        let toAnn = Fixture.delegation("zoe", [], to: "ann", id: "dlg_1"),
            toBob = Fixture.delegation("ann", ["sec"], to: "bob", id: "dlg_2")
        #expect(judge(approval, "ann", [], given: [toAnn]) == right(["owners"], onBehalfOf: "zoe"))
        #expect(judge(approval, "bob", [], given: [toBob]) == .notEligible)
        #expect(judge(approval, "bob", [], given: [toBob], onBehalfOf: "zoe") == .notEligible)
    }

    @Test func nobodyActsInThePlaceOfTheRequesterWithFourEyes() {
        let approval = Fixture.approval(requestedBy: "ann", fourEyes: true, policy: Self.groups)
        let given = [Fixture.delegation("ann", ["sec"], to: "bob", id: "dlg_1"), Fixture.delegation("zoe", [], to: "bob", id: "dlg_2")]
        #expect(judge(approval, "ann", ["sec"]) == .selfApproval)
        #expect(judge(approval, "bob", [], given: given, onBehalfOf: "ann") == .selfApproval)
        #expect(judge(approval, "bob", [], given: given) == right(["owners"], onBehalfOf: "zoe"), "another delegation is used")
        #expect(judge(approval, "bob", [], given: [given[0]]) == .notEligible)
        #expect(judge(approval, "bob", ["sec"], given: given) == right(["security"]))
        let inOthersPlace = judge(approval, "ann", [], given: [Fixture.delegation("zoe", [], to: "ann")])
        #expect(inOthersPlace == .selfApproval, "the requester, in another's place")
        let open = Fixture.approval(requestedBy: "ann", policy: Self.groups)
        #expect(judge(open, "bob", [], given: given) == right(["security"], onBehalfOf: "ann"), "without four eyes it is like any other")
    }

    @Test func anEscalatedGroupDecidesOnceItsStepIsInForce() {
        var approval = Fixture.approval(policy: Self.escalated)
        let given = [Fixture.delegation("chief", ["chief"], to: "bob")]
        #expect(judge(approval, "cleo", ["chief"]) == .notEligible)
        #expect(judge(approval, "bob", [], given: given) == .notEligible)
        #expect(
            judge(approval, "sam", ["sec", "chief"]) == right(["security", "chiefs"]),
            "the vote counts for both, once the step is in force"
        )
        approval.escalations[1] = Approval.Escalated(at: Fixture.time, record: 2)
        #expect(judge(approval, "cleo", ["chief"]) == right(["chiefs"]))
        #expect(judge(approval, "bob", [], given: given) == right(["chiefs"], onBehalfOf: "chief"))
        #expect(judge(approval, "sam", ["sec"]) == right(["security"]), "the request's own groups go on")
    }
}

@Suite struct ApprovalRequestTests {
    private static let cursor = Cursor(time: Fixture.time, epoch: 7, sequence: 1)

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
        let request = try #require(Approval.Request(entry.event, at: Self.cursor))
        #expect(request.expiry == expiry)
        #expect(request.fourEyes == fourEyes)
    }

    /// An invalid requester counts as absent, so that a name without a token cannot bypass the four-eyes rule.
    @Test(arguments: [#""""#, #""a\u0000b""#, "7", "null", "\"\(String(repeating: "x", count: 257))\""])
    func aRequesterThatIsNoUserIsNobody(_ requester: String) throws {
        let entry = try Fixture.request("a", members: #","fourEyes":true,"requestedBy":\#(requester)"#)
        let request = try #require(Approval.Request(entry.event, at: Self.cursor))
        #expect(request.requestedBy == nil)
        let approval = Approval(request: request)
        let ann = Voter(user: Fixture.ann.user, roles: ["admin"])
        #expect(DecisionRules.judge(approval, action: .approve, by: ann, now: Fixture.time) == .unknownRequester)
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
        #expect(Approval.Request(event, at: Self.cursor) == nil)
        #expect(LogChange.changes(of: try Fixture.entry(1, "approval.requested", payload)).isEmpty, "and asks nobody")
    }

    /// What would weaken the rule, or has no digest, makes no approval: the recorder reports it.
    @Test(arguments: [
        #""groups":{}"#, #""groups":[{"name":"g"}]"#, #""groups":[{"name":"g","roles":["r"],"n":0}]"#,
        #""groups":[{"name":"g","users":["u"],"n":2}]"#,
        #""groups":[{"name":"g","roles":["r"],"minimum":2}]"#, #""escalation":[{"after":"10m","groups":[]}]"#,
        #""escalation":[{"after":"soon","groups":[{"name":"g","roles":["r"]}]}]"#, #""action":1e400"#,
    ])
    func brokenTermsAreNoRequests(_ member: String) throws {
        let entry = try Fixture.request("a", members: ",\(member)")
        #expect(Approval.Request(entry.event, at: Self.cursor) == nil)
        #expect(LogChange.changes(of: entry).isEmpty, "and asks nobody")
    }

    @Test func readsTheTerms() throws {
        let members =
            #","action":{"b":1, "a":[true]},"description":"why","risk":"high","incidentId":"i","#
            + #""groups":[{"name":"g","roles":["r"],"n":2}],"escalation":[{"after":"10m","groups":[{"name":"h","users":["u"]}]}]"#
        let request = try #require(Approval.Request(try Fixture.request("a", user: "ann", members: members).event, at: Self.cursor))
        #expect(request.description == "why" && request.risk == "high")
        #expect(
            try request.actionDigest == ActionDigest(of: Array(#"{"a":[true],"b":1}"#.utf8)[...], field: "action"),
            "of the canonical form"
        )
        #expect(request.groups.map(\.name) == ["g"] && request.groups.map(\.needed) == [2])
        #expect(request.escalates(at: 1) == Fixture.later(600_000) && request.escalates(at: 2) == nil && request.escalates(at: 0) == nil)
        #expect(!request.isDecidedAtOnce)
        #expect(request.recipients == Recipients("ann", and: ["u"]), "who is named may see it")
        let plain = try #require(
            Approval.Request(try Fixture.request("a", members: #","risk":"huge","action":null"#).event, at: Self.cursor)
        )
        #expect(plain.risk == nil && plain.action == nil && plain.actionDigest == nil && plain.isDecidedAtOnce)
        #expect(plain.recipients == .everyone)
    }

    /// A private request names at most so many; the intake refuses more, and on the bus it is no request.
    @Test func aRequestHasSoManyRecipients() throws {
        func request(_ count: Int, user: String?) throws -> Approval.Request? {
            let users = (0..<count).map { #""u\#($0)""# }.joined(separator: ",")
            let event = try Fixture.request("a", user: user, members: #","groups":[{"name":"g","users":[\#(users)]}]"#).event
            return Approval.Request(event, at: Self.cursor)
        }
        #expect(try request(Recipients.maximumOthers, user: "ann")?.recipients.others.count == Recipients.maximumOthers)
        #expect(try request(Recipients.maximumOthers + 1, user: "ann") == nil)
        #expect(try request(Recipients.maximumOthers + 1, user: nil)?.recipients == .everyone)
    }

    @Test func otherEventsAreNoRequests() throws {
        let event = try Fixture.event("approval.resolved", #"{"approvalId":"a","remediationId":"r","action":"approve"}"#)
        #expect(Approval.Request(event, at: Self.cursor) == nil)
    }
}
