import Basics
import EventLog
import EventModel
import HTTPAPI
import NATSClient
import TestKit
import Testing

@testable import approval_api

/// Decisions, votes and permits of several processes, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct DecisionServiceTests {
    private static let groups = #","groups":[{"name":"security","roles":["sec"],"n":2},{"name":"dba","roles":["dba"]}]"#

    private static func consume(
        _ id: ApprovalID,
        by user: String = "exec",
        digest: ActionDigest? = nil,
        key: String? = nil,
        in bench: ApprovalBench
    ) async throws -> DecisionService.ConsumptionOutcome {
        try await bench.decisions.consume(
            DecisionService.ConsumptionRequest(
                approvalID: id,
                actionDigest: digest,
                idempotencyKey: try key.map { try IdempotencyKey($0) }
            ),
            by: Viewer(tenant: Fixture.acme, user: UserID(generated: user)),
            isExecutor: true
        )
    }

    // MARK: Votes

    @Test func theVoteThatCompletesTheGroupsDecides() async throws {
        let bench = try await ApprovalBench(), other = try await ApprovalBench(on: bench.server)
        try await bench.request("a", Self.groups)
        guard case .voted(let vote, let approval) = try await bench.decide("a", by: "ann", roles: ["sec"]) else {
            Issue.record("one of three decides nothing")
            return
        }
        #expect(vote.votedBy == "ann" && vote.groups == ["security"] && approval.status == .pending)
        guard case .voted = try await other.decide("a", by: "bob", roles: ["sec", "admin"]) else {
            Issue.record("two of three decide nothing")
            return
        }
        #expect(try await bench.decide("a", by: "zoe", roles: ["admin"]) == .notEligible)
        guard case .voted = try await bench.decide("a", by: "ann", roles: ["sec"]) else {
            Issue.record("the same vote again is the same answer")
            return
        }
        guard case .alreadyVoted(let standing) = try await bench.decide("a", .reject, by: "ann", roles: ["sec"]) else {
            Issue.record("a vote cannot be changed")
            return
        }
        #expect(standing.action == .approve)
        guard case .decided(let decision) = try await other.decide("a", by: "dan", roles: ["dba"]) else {
            Issue.record("all groups are complete")
            return
        }
        #expect(decision.action == .approve && decision.decidedBy == "dan")
        #expect(try await bench.decide("a", by: "eve", roles: ["dba"]) == .alreadyResolved(decision))
        #expect(
            try await bench.announcedTypes() == [
                "approval.requested", "approval.voted", "approval.voted", "approval.voted", "approval.resolved", "remediation.approved",
            ]
        )
    }

    /// The people of both groups vote at once, on three processes: the approval is decided once, by one of them, and each learns of it or that it waits.
    @Test func votesAtOnceMakeOneDecision() async throws {
        let bench = try await ApprovalBench()
        let processes = [bench, try await ApprovalBench(on: bench.server), try await ApprovalBench(on: bench.server)]
        for round in 0..<5 {
            let id = ApprovalID(generated: "round-\(round)")
            try await bench.request(id.text, Self.groups)
            let people = [("ann", "sec"), ("bob", "sec"), ("cleo", "sec"), ("dan", "dba"), ("eve", "dba")]
            let outcomes = try await withThrowingTaskGroup(of: DecisionService.Outcome.self) { group in
                for (index, person) in people.enumerated() {
                    group.addTask { try await processes[index % 3].decide(id, by: person.0, roles: [person.1]) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            var decisions: [Decision] = []
            for outcome in outcomes {
                switch outcome {
                case .decided(let decision), .alreadyResolved(let decision): decisions.append(decision)
                case .voted: break
                default: Issue.record("\(outcome)")
                }
            }
            let approval = try #require(try await bench.approval(id))
            let decided = try #require(approval.decision)
            #expect(!decisions.isEmpty && decisions.allSatisfy { $0 == decided.decision })
            #expect(decided.decision.action == .approve)
            // The decision is that of the votes in the order of their records.
            var undecided = approval
            undecided.decision = nil
            #expect(ApprovalTally(undecided).decisive?.votedBy == decided.decision.decidedBy)
        }
        let types = try await bench.announcedTypes()
        #expect(types.count { $0 == "approval.resolved" } == 5 && types.count { $0 == "remediation.approved" } == 5)
    }

    /// The voter's process died after it stored the vote that completes the groups: the announcer of another one decides.
    @Test func aVoteWhoseProcessDiedIsSettledByTheAnnouncer() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a", #","groups":[{"name":"security","roles":["sec"]}]"#)
        let left = try await bench.leaveVote("a", by: "ann", for: ["security"], at: 0)
        #expect(try await bench.approval("a")?.status == .pending)
        try await bench.running({ try await bench.announcer.run { await bench.decisions.settle($0) } }) {
            let isDecided = try await eventually { try await bench.approval("a")?.status == .approved }
            let isAnnounced = try await eventually { try await bench.types().last == "remediation.approved" }
            #expect(isDecided && isAnnounced)
        }
        let decision = try #require(try await bench.approval("a")?.decision)
        #expect(decision.decision.decidedBy == "ann" && decision.decision.decidedAt == Fixture.time)
        #expect(decision.eventID.text == "quorum_\(left.sequence)")
        #expect(try await bench.types() == ["approval.requested", "approval.voted", "approval.resolved", "remediation.approved"])
    }

    /// So do a retry of the vote, and a later voter.
    @Test func aVoteWhoseProcessDiedIsSettledByTheNextRequest() async throws {
        let bench = try await ApprovalBench()
        for name in ["a", "b"] {
            try await bench.request(name, #","groups":[{"name":"security","roles":["sec"]}]"#)
            _ = try await bench.leaveVote(ApprovalID(name), by: "ann", for: ["security"], at: 0)
        }
        guard case .decided(let decision) = try await bench.decide("a", by: "ann", roles: ["sec"]) else {
            Issue.record("the retry makes the decision")
            return
        }
        #expect(decision.decidedBy == "ann")
        guard case .alreadyResolved(let other) = try await bench.decide("b", .reject, by: "bob", roles: ["sec"]) else {
            Issue.record("the earlier vote has decided")
            return
        }
        #expect(other.action == .approve && other.decidedBy == "ann")
    }

    @Test func oneRejectionEndsIt() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a", Self.groups)
        _ = try await bench.decide("a", by: "ann", roles: ["sec"])
        guard case .decided(let decision) = try await bench.decide("a", .reject, by: "dan", roles: ["dba"]) else {
            Issue.record("a rejection decides")
            return
        }
        #expect(decision.action == .reject && decision.decidedBy == "dan")
        #expect(try await effects(bench) == ["remediation.rejected"])
    }

    /// The announced effects. Records are announced side by side, so the event of a vote may follow them in the log.
    private func effects(_ bench: ApprovalBench) async throws -> [String] {
        try await bench.announcedTypes().filter { $0.hasPrefix("remediation.") }
    }

    @Test func nobodyVotesTwiceThroughADelegation() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a", #","groups":[{"name":"security","roles":["sec"],"n":3}]"#)
        let delegation = Fixture.delegation("ann", ["sec"], to: "bob")
        let subject = DelegationMessage.subject(tenant: Fixture.acme, giver: "ann", id: delegation.id, isRevoked: false)
        _ = try await bench.jetStream.publish(subject: subject, payload: try DelegationMessage.body(of: delegation))
        guard case .voted(let vote, _) = try await bench.decide("a", by: "bob", roles: []) else {
            Issue.record("bob votes in ann's place")
            return
        }
        #expect(vote.onBehalfOf == "ann" && vote.votedBy == "bob")
        #expect(try await bench.decide("a", by: "ann", roles: ["sec"]) == .alreadyVoted(vote), "ann has voted through bob")
        guard case .alreadyVoted = try await bench.decide("a", by: "bob", roles: ["sec"]) else {
            Issue.record("bob has voted, in another's place")
            return
        }
    }

    /// A deputy of somebody who has voted as another's deputy gets `already_voted`: the tally would not count the vote.
    @Test func aPersonWhoVotedForAnotherHasNoVoteToGiveAway() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a", #","groups":[{"name":"security","roles":["sec"],"n":2}]"#)
        for (giver, deputy) in [("ann", "bob"), ("bob", "cleo")] {
            let delegation = Fixture.delegation(giver, ["sec"], to: deputy, id: "dlg_\(giver)")
            let subject = DelegationMessage.subject(tenant: Fixture.acme, giver: delegation.giver, id: delegation.id, isRevoked: false)
            _ = try await bench.jetStream.publish(subject: subject, payload: try DelegationMessage.body(of: delegation))
        }
        guard case .voted(let vote, _) = try await bench.decide("a", by: "bob", roles: [], onBehalfOf: "ann") else {
            Issue.record("bob votes in ann's place")
            return
        }
        #expect(try await bench.decide("a", by: "cleo", roles: [], onBehalfOf: "bob") == .alreadyVoted(vote))
        guard case .decided = try await bench.decide("a", by: "cleo", roles: ["sec"]) else {
            Issue.record("cleo's own vote is left, and the second")
            return
        }
    }

    /// The same request with the same key gets its answer again, whatever was decided since.
    @Test(arguments: [false, true]) func aRecordedVoteIsAnsweredAfterAnotherDecision(_ expires: Bool) async throws {
        let bench = try await ApprovalBench(at: 0)
        let expiry = Fixture.later(1_000).iso8601
        try await bench.request("a", #","expiresAt":"\#(expiry)","groups":[{"name":"security","roles":["sec"],"n":2}]"#)
        guard case .voted(let vote, _) = try await bench.decide("a", by: "ann", roles: ["sec"], key: "k") else {
            Issue.record("one of two decides nothing")
            return
        }
        if expires {
            bench.set(5_000)
        } else {
            guard case .decided = try await bench.decide("a", .reject, by: "bob", roles: ["sec"]) else {
                Issue.record("a rejection decides")
                return
            }
        }
        for _ in 0..<2 {
            guard case .voted(let again, let approval) = try await bench.decide("a", by: "ann", roles: ["sec"], key: "k") else {
                Issue.record("the vote stands")
                return
            }
            #expect(again == vote && approval.votes == [vote] && approval.status == .pending)
        }
    }

    // MARK: Private requests

    /// Whom the groups name may vote, and those in whose place they may: as long as the delegation is in force. To others it does not
    /// exist.
    @Test func aPrivateRequestExistsForItsRecipientsAndTheirDeputies() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a", user: "ann", #","groups":[{"name":"g","users":["nina","nora"],"roles":["sec"],"n":2}]"#)
        func isFound(_ user: String) async throws -> Bool {
            try await bench.decisions.find("a", for: Fixture.viewer(user)) != nil
        }
        func publish(_ delegation: Delegation, isRevoked: Bool = false) async throws {
            let subject = DelegationMessage.subject(
                tenant: delegation.tenant,
                giver: delegation.giver,
                id: delegation.id,
                isRevoked: isRevoked
            )
            let body = isRevoked ? Array("{}".utf8) : try DelegationMessage.body(of: delegation)
            _ = try await bench.jetStream.publish(subject: subject, payload: body)
        }
        let ofNina = Fixture.delegation("nina", [], to: "dora", id: "dlg_1")
        try await publish(ofNina)
        try await publish(Fixture.delegation("ann", [], to: "dirk", id: "dlg_2"))
        try await publish(Fixture.delegation("sam", ["sec"], to: "dean", id: "dlg_3"))
        for user in ["ann", "nina", "nora", "dora", "dirk"] { #expect(try await isFound(user), "\(user)") }
        for user in ["dean", "sam"] { #expect(try await !isFound(user), "\(user)") }
        #expect(try await bench.decisions.find("a", for: Fixture.viewer("nina", of: "globex")) == nil)
        #expect(try await bench.decide("a", by: "sam", roles: ["sec"]) == .notFound)
        #expect(try await bench.decide("a", by: "dirk", roles: []) == .notEligible, "ann is in no group")
        guard case .voted(let vote, _) = try await bench.decide("a", by: "dora", roles: []) else {
            Issue.record("dora votes in nina's place")
            return
        }
        #expect(vote.onBehalfOf == "nina")
        try await publish(ofNina, isRevoked: true)
        #expect(try await !isFound("dora"))
        bench.set(2 * 86_400_000)
        #expect(try await !isFound("dirk"), "the delegation has ended")
        #expect(try await isFound("nina"))
    }

    // MARK: Expiry

    /// Votes that sufficed in time decide, whenever that is noticed: by the sweep, or by a request that comes too late.
    @Test(arguments: [false, true]) func votesThatSufficedInTimeApprove(_ isSwept: Bool) async throws {
        let bench = try await ApprovalBench(at: 0)
        let expiry = Fixture.later(1_000).iso8601
        try await bench.request("a", #","expiresAt":"\#(expiry)","groups":[{"name":"security","roles":["sec"]}]"#)
        _ = try await bench.leaveVote("a", by: "ann", for: ["security"], at: 999)
        bench.set(5_000)
        if isSwept {
            await bench.sweep.sweep()
        } else {
            guard case .alreadyResolved = try await bench.decide("a", .reject, by: "bob", roles: ["sec"]) else {
                Issue.record("it is approved")
                return
            }
        }
        let decision = try #require(try await bench.approval("a")?.decision?.decision)
        #expect(decision.action == .approve && decision.decidedBy == "ann" && decision.decidedAt == Fixture.later(999))
        #expect(try await effects(bench) == ["remediation.approved"])
    }

    @Test func votesThatCameTooLateOrAreTooFewDoNot() async throws {
        let bench = try await ApprovalBench(at: 0)
        let expiry = #","expiresAt":"\#(Fixture.later(1_000).iso8601)""#
        try await bench.request("late", #"\#(expiry),"groups":[{"name":"security","roles":["sec"]}]"#)
        try await bench.request("few", "\(expiry)\(Self.groups)")
        _ = try await bench.leaveVote("late", by: "ann", for: ["security"], at: 1_000)
        _ = try await bench.leaveVote("few", by: "ann", for: ["security"], at: 10)
        bench.set(1_000)
        #expect(try await bench.decide("late", by: "bob", roles: ["sec"]) == .expired)
        await bench.sweep.sweep()
        for id in ["late", "few"] as [ApprovalID] {
            let decision = try #require(try await bench.approval(id)?.decision?.decision)
            #expect(decision.action == .expire && decision.decidedBy == Decision.system)
        }
    }

    // MARK: One decision

    @Test func ofManyDecisionsOneStands() async throws {
        let bench = try await ApprovalBench()
        let processes = [bench, try await ApprovalBench(on: bench.server), try await ApprovalBench(on: bench.server)]
        try await bench.request("a")
        let outcomes = try await withThrowingTaskGroup(of: DecisionService.Outcome.self) { group in
            for index in 0..<12 {
                group.addTask {
                    try await processes[index % 3].decide("a", index % 2 == 0 ? .approve : .reject, by: "u\(index)", roles: ["admin"])
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let standing = try #require(try await bench.approval("a")?.decision?.decision)
        #expect(outcomes.count { $0 == .decided(standing) } == 1)
        #expect(outcomes.count { $0 == .alreadyResolved(standing) } == 11)
        #expect(try await bench.announcedTypes().count == 3)
    }

    @Test func aKeyGivesTheSameAnswerAgain() async throws {
        let bench = try await ApprovalBench(), other = try await ApprovalBench(on: bench.server)
        for name in ["a", "b"] { try await bench.request(name) }
        let first = try await bench.decide("a", by: "ann", roles: ["admin"], key: "k")
        #expect(try await other.decide("a", by: "ann", roles: ["admin"], key: "k") == first)
        guard case .decided(let decision) = first else {
            Issue.record("\(first)")
            return
        }
        #expect(try await other.decide("a", by: "ann", roles: ["admin"], key: "l") == .alreadyResolved(decision))
        #expect(try await other.decide("b", by: "ann", roles: ["admin"], key: "k") == .keyReused)
    }

    // MARK: Consumption

    @Test func ofManyExecutorsOneHasThePermit() async throws {
        let bench = try await ApprovalBench()
        let processes = [bench, try await ApprovalBench(on: bench.server), try await ApprovalBench(on: bench.server)]
        try await bench.request("a")
        #expect(try await Self.consume("a", in: bench) == .notApproved(.pending))
        _ = try await bench.decide("a", by: "ann", roles: ["admin"])
        let outcomes = try await withThrowingTaskGroup(of: DecisionService.ConsumptionOutcome.self) { group in
            for index in 0..<12 { group.addTask { try await Self.consume("a", by: "exec-\(index % 2)", in: processes[index % 3]) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let standing = try #require(try await bench.approval("a")?.consumption)
        let permits = outcomes.filter { if case .consumed(let consumption, _) = $0 { consumption == standing } else { false } }
        #expect(permits.count == 1)
        #expect(outcomes.count { $0 == .alreadyConsumed(standing) } == 11)
        #expect(try await bench.announcedTypes().count { $0 == "approval.consumed" } == 1)
    }

    @Test func aPermitIsForTheActionAndForItsKey() async throws {
        let bench = try await ApprovalBench(), other = try await ApprovalBench(on: bench.server)
        try await bench.request("a", #","action":{"delete":"db-1"}"#)
        try await bench.request("b")
        let digest = try #require(try await bench.approval("a")?.request.actionDigest)
        let another = try ActionDigest(of: Array(#"{"delete":"db-2"}"#.utf8)[...], field: "action")
        for id in ["a", "b"] as [ApprovalID] { _ = try await bench.decide(id, by: "ann", roles: ["admin"]) }
        for wrong in [nil, another] { #expect(try await Self.consume("a", digest: wrong, in: bench) == .otherAction) }
        #expect(try await Self.consume("b", digest: digest, in: bench) == .otherAction, "an approval without an action")
        let first = try await Self.consume("a", digest: digest, key: "k", in: bench)
        guard case .consumed(let consumption, _) = first else {
            Issue.record("\(first)")
            return
        }
        guard case .consumed(consumption, _) = try await Self.consume("a", digest: digest, key: "k", in: other) else {
            Issue.record("the same request has the same answer")
            return
        }
        #expect(try await Self.consume("a", digest: digest, key: "l", in: other) == .alreadyConsumed(consumption))
        #expect(try await Self.consume("a", digest: digest, in: other) == .alreadyConsumed(consumption))
        #expect(try await Self.consume("a", by: "thief", digest: digest, key: "k", in: other) == .alreadyConsumed(consumption))
        #expect(try await Self.consume("b", key: "k", in: other) == .keyReused)
        #expect(try await Self.consume("none", in: other) == .notFound)
    }

    @Test func whatIsNotApprovedIsNotConsumed() async throws {
        let bench = try await ApprovalBench()
        for name in ["rejected", "expired"] {
            let expiry = name == "expired" ? #","expiresAt":"\#(Fixture.later(1).iso8601)""# : ""
            try await bench.request(name, expiry)
            _ = try await bench.decide(ApprovalID(name), .reject, by: "ann", roles: ["admin"])
        }
        #expect(try await Self.consume("rejected", in: bench) == .notApproved(.rejected))
        #expect(try await Self.consume("expired", in: bench) == .notApproved(.expired))
        #expect(try await !bench.types().contains("approval.consumed"))
    }

    /// The request of an approval expires before its other records. While those are kept, none passes for an answer about the next one with its id.
    @Test func recordsOfAFormerApprovalAreNoAnswers() async throws {
        let bench = try await ApprovalBench()
        let former = try Fixture.decision("a", "approve", at: 2).event
        _ = try await bench.records.store(former, at: .decision(approvalID: "a"), intake: Fixture.time, timeout: .seconds(10))
        try await bench.request("a")
        for action in [DecisionAction.approve, .reject] {
            let error = await #expect(throws: APIError.self) { try await bench.decide("a", action, by: "ann", roles: ["admin"]) }
            #expect(error?.code == .serviceUnavailable)
        }
        #expect(try await bench.approval("a")?.status == .pending)
    }
}
