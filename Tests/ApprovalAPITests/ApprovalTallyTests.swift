import Basics
import EventModel
import TestKit
import Testing

@testable import approval_api

@Suite struct ApprovalTallyTests {
    private static let groups = #""groups":[{"name":"security","roles":["sec"],"n":2},{"name":"dba","roles":["dba"]}]"#
    private static let steps =
        #""escalation":[{"after":"10m","groups":[{"name":"chiefs","roles":["chief"]}]},{"after":"20m","groups":[{"name":"board","roles":["board"],"n":2}]}]"#

    private func approval(
        _ votes: [Vote],
        policy: String = groups,
        requestedBy: String? = nil,
        fourEyes: Bool = false,
        expiry: Approval.Expiry = .never,
        escalated: [Int: UInt64] = [:]
    ) -> Approval {
        var approval = Fixture.approval(requestedBy: requestedBy, fourEyes: fourEyes, expiry: expiry, policy: policy)
        approval.votes = votes
        approval.escalations = escalated.mapValues { Approval.Escalated(at: Fixture.time, record: $0) }
        return approval
    }

    /// The people that count in each group in force, by its name.
    private func people(_ tally: ApprovalTally) -> [String: [String]] {
        Dictionary(uniqueKeysWithValues: tally.counts.map { ($0.group.name, $0.people.map(\.text)) })
    }

    @Test func twoOfSecurityAndOneDatabaseAdministrator() {
        let votes = [
            Fixture.vote(by: "ann", for: ["security"], record: 2), Fixture.vote(by: "dan", for: ["dba"], record: 3),
            Fixture.vote(by: "bob", for: ["security"], record: 4),
        ]
        for count in 0..<3 {
            #expect(ApprovalTally(approval(Array(votes.prefix(count)))).decisive == nil)
        }
        let tally = ApprovalTally(approval(votes))
        #expect(tally.decisive == votes[2])
        #expect(people(tally) == ["security": ["ann", "bob"], "dba": ["dan"]])
        #expect(tally.counts.map(\.step) == [nil, nil])
    }

    @Test func withoutGroupsOneAdminDecides() {
        let vote = Fixture.vote(by: "ann", for: ["admin"], record: 2)
        #expect(ApprovalTally(approval([vote], policy: "")).decisive == vote)
        #expect(ApprovalTally(approval([Fixture.vote(by: "ann", record: 2)], policy: "")).decisive == nil)
    }

    @Test func aPersonCountsInOneGroup() {
        let both: Set = ["security", "dba"]
        let votes = [
            Fixture.vote(by: "ann", for: both, record: 2), Fixture.vote(by: "bob", for: ["security"], record: 3),
            Fixture.vote(by: "cleo", for: ["security"], record: 4),
        ]
        #expect(ApprovalTally(approval(Array(votes.prefix(2)))).decisive == nil, "two people, for three places")
        let tally = ApprovalTally(approval(votes))
        #expect(tally.decisive == votes[2])
        #expect(people(tally) == ["security": ["bob", "cleo"], "dba": ["ann"]], "ann makes room")
    }

    /// A vote that comes after the one with which the decision falls, or after the decision, changes nothing.
    @Test func lateVotesDoNotCount() {
        var votes = [
            Fixture.vote(by: "ann", for: ["security"], record: 2), Fixture.vote(by: "bob", for: ["security"], record: 3),
            Fixture.vote(by: "dan", for: ["dba"], record: 4),
        ]
        let decisive = votes[2]
        votes += [Fixture.vote(by: "eve", for: ["dba"], record: 5), Fixture.vote(.reject, by: "fay", for: ["security"], record: 6)]
        #expect(ApprovalTally(approval(votes)).decisive == decisive)
        var decided = approval(Array(votes.prefix(2)))
        decided.decision = Approval.Decided(
            eventID: "d",
            decision: Decision(
                approvalID: "apr",
                remediationID: "rem",
                action: .reject,
                decidedBy: "zoe",
                decidedAt: Fixture.time
            ),
            record: 4
        )
        decided.votes.append(Fixture.vote(by: "dan", for: ["dba"], record: 5))
        #expect(ApprovalTally(decided).decisive == nil)
        #expect(people(ApprovalTally(decided)) == ["security": ["ann", "bob"], "dba": []])
    }

    @Test func votesAtTheExpiryAndLaterDoNotCount() {
        let expiry = Approval.Expiry.at(Fixture.later(100))
        func decisive(_ time: Int64) -> Vote? {
            let votes = [
                Fixture.vote(by: "ann", for: ["security"], at: 1, record: 2), Fixture.vote(by: "bob", for: ["security"], at: 2, record: 3),
                Fixture.vote(by: "dan", for: ["dba"], at: time, record: 4),
            ]
            return ApprovalTally(approval(votes, expiry: expiry)).decisive
        }
        #expect(decisive(99)?.votedBy == "dan")
        #expect(decisive(100) == nil && decisive(101) == nil)
        let late = Fixture.vote(.reject, by: "ann", for: ["security"], at: 100, record: 2)
        #expect(ApprovalTally(approval([late], expiry: expiry)).decisive == nil, "nor does a rejection")
    }

    @Test func withFourEyesTheRequesterDoesNotCount() {
        let policy = #""groups":[{"name":"security","roles":["sec"]}]"#
        func decisive(_ vote: Vote, fourEyes: Bool = true) -> Vote? {
            ApprovalTally(approval([vote], policy: policy, requestedBy: "ann", fourEyes: fourEyes)).decisive
        }
        let own = Fixture.vote(by: "ann", for: ["security"], record: 2)
        let inPlace = Fixture.vote(by: "bob", for: ["security"], onBehalfOf: "ann", record: 2)
        let forAnother = Fixture.vote(by: "ann", for: ["security"], onBehalfOf: "bob", record: 2)
        let rejected = Fixture.vote(.reject, by: "ann", for: ["security"], record: 2)
        for vote in [own, inPlace, forAnother, rejected] {
            #expect(decisive(vote) == nil)
            #expect(decisive(vote, fourEyes: false) == vote)
        }
        let other = Fixture.vote(by: "bob", for: ["security"], record: 2)
        #expect(decisive(other) == other)
    }

    /// Of several votes that one person casts, or that are cast in the person's place, the first counts.
    @Test func aPersonCountsOnceHoweverManyDelegate() {
        let pair = #""groups":[{"name":"security","roles":["sec"],"n":2}]"#
        let own = Fixture.vote(by: "ann", for: ["security"], record: 2)
        let inAnnsPlace = Fixture.vote(by: "bob", for: ["security"], onBehalfOf: "ann", record: 3)
        let inBobsPlace = Fixture.vote(by: "cleo", for: ["security"], onBehalfOf: "bob", record: 4)
        let bob = Fixture.vote(by: "bob", for: ["security"], record: 5)
        let dan = Fixture.vote(by: "dan", for: ["security"], record: 6)
        func tally(_ votes: Vote...) -> ApprovalTally { ApprovalTally(approval(votes, policy: pair)) }
        #expect(tally(own, inAnnsPlace).decisive == nil, "ann, and in the place of ann")
        #expect(tally(inAnnsPlace, bob).decisive == nil, "bob in the place of ann, and bob")
        #expect(tally(inAnnsPlace, inBobsPlace).decisive == nil, "in the place of somebody who votes in another's")
        #expect(people(tally(inAnnsPlace, dan)) == ["security": ["ann", "dan"]], "the one in whose place is shown")
        #expect(tally(inAnnsPlace, bob, dan).decisive == dan)
        #expect(tally(own, bob).decisive == bob)
    }

    @Test func theFirstRejectionEndsIt() {
        let votes = [
            Fixture.vote(by: "ann", for: ["security"], record: 2), Fixture.vote(.reject, by: "eve", for: ["dba"], record: 3),
            Fixture.vote(by: "bob", for: ["security"], record: 4), Fixture.vote(by: "dan", for: ["dba"], record: 5),
            Fixture.vote(.reject, by: "fay", for: ["dba"], record: 6),
        ]
        let tally = ApprovalTally(approval(votes))
        #expect(tally.decisive == votes[1])
        #expect(people(tally) == ["security": ["ann"], "dba": []], "what is approved after it counts nowhere")
    }

    /// The original set or that of a step: whichever is complete first. A vote counts in each set.
    @Test func aStepsSetDecidesOnceItIsInForce() {
        let policy = "\(Self.groups),\(Self.steps)"
        let board = [Fixture.vote(by: "bea", for: ["board"], record: 4), Fixture.vote(by: "ben", for: ["board"], record: 5)]
        #expect(ApprovalTally(approval(board, policy: policy)).decisive == nil, "no step is in force")
        #expect(ApprovalTally(approval(board, policy: policy)).counts.map(\.group.name) == ["security", "dba"])
        #expect(ApprovalTally(approval(board, policy: policy, escalated: [1: 3])).decisive == nil)
        let second = ApprovalTally(approval(board, policy: policy, escalated: [1: 2, 2: 3]))
        #expect(second.decisive == board[1])
        #expect(second.counts.map(\.step) == [nil, nil, 1, 2])
        let unknown = ApprovalTally(approval(board, policy: policy, escalated: [3: 2]))
        #expect(unknown.decisive == nil && unknown.counts.count == 2, "a step that the request does not have adds nothing")
    }

    /// A step never approves: what was voted before it counts in its set, and the decision falls with a vote after it.
    @Test func aStepNeverApprovesByItself() {
        let policy = "\(Self.groups),\(Self.steps)"
        let ann = Fixture.vote(by: "ann", for: ["security", "chiefs"], record: 2)
        let escalated = ApprovalTally(approval([ann], policy: policy, escalated: [1: 3]))
        #expect(escalated.decisive == nil)
        #expect(escalated.counts.map(\.step) == [nil, nil, 1])
        #expect(people(escalated) == ["security": ["ann"], "dba": [], "chiefs": ["ann"]])
        let bob = Fixture.vote(by: "bob", for: ["security"], record: 4)
        #expect(ApprovalTally(approval([ann, bob], policy: policy, escalated: [1: 3])).decisive == bob)
        let rejection = Fixture.vote(.reject, by: "dan", for: ["dba"], record: 4)
        #expect(ApprovalTally(approval([ann, rejection], policy: policy, escalated: [1: 3])).decisive == rejection)
        let later = Fixture.vote(by: "cleo", for: ["chiefs"], record: 5)
        #expect(ApprovalTally(approval([later], policy: policy, escalated: [1: 3])).decisive == later)
    }

    /// People from several sets complete none of them.
    @Test func setsAreNotMixed() {
        let policy =
            #""groups":[{"name":"a","roles":["r"],"n":2}],"escalation":[{"after":"10m","groups":[{"name":"b","roles":["s"],"n":2}]}]"#
        let votes = [Fixture.vote(by: "ann", for: ["a"], record: 3), Fixture.vote(by: "bob", for: ["b"], record: 4)]
        #expect(ApprovalTally(approval(votes, policy: policy, escalated: [1: 2])).decisive == nil)
    }

    // MARK: Properties

    /// Random votes of few people: the decisive vote is that of the shortest prefix that decides, and stays it whatever is voted afterwards; more
    /// votes never take anybody out of the count of a group's set.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func whatIsDecidedStaysDecided(_ seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let policy = "\(Self.groups),\(Self.steps)"
        let names = ["security", "dba", "chiefs", "board"]
        let users = (0..<8).map { "u\($0)" }
        for _ in 0..<25 {
            var record: UInt64 = 1
            let votes = (0..<Int.random(in: 1...14, using: &generator)).map { _ in
                record += UInt64.random(in: 1...3, using: &generator)
                let user = users.randomElement(using: &generator) ?? ""
                let other =
                    Int.random(in: 0..<4, using: &generator) == 0 ? users.filter { $0 != user }.randomElement(using: &generator) : nil
                return Fixture.vote(
                    Int.random(in: 0..<8, using: &generator) == 0 ? .reject : .approve,
                    by: user,
                    for: Set(names.filter { _ in Bool.random(using: &generator) }),
                    onBehalfOf: other,
                    at: Int64.random(in: 0...110, using: &generator),
                    record: record
                )
            }
            let escalated: [Int: UInt64] = [[:], [1: 2], [1: 2, 2: 3]].randomElement(using: &generator) ?? [:]
            let fourEyes = Bool.random(using: &generator)
            func tally(_ votes: ArraySlice<Vote>) -> ApprovalTally {
                ApprovalTally(
                    approval(
                        Array(votes),
                        policy: policy,
                        requestedBy: "u0",
                        fourEyes: fourEyes,
                        expiry: .at(Fixture.later(100)),
                        escalated: escalated
                    )
                )
            }
            var decisive: Vote?
            var counted: [Int: Set<UserID>] = [:]
            for end in 0...votes.count {
                let tally = tally(votes[..<end])
                if let decisive {
                    try #require(tally.decisive == decisive, "after \(end) of \(votes)")
                } else if let found = tally.decisive {
                    try #require(found == votes[end - 1], "a decision falls with the last vote of \(votes[..<end])")
                    decisive = found
                }
                var now: [Int: Set<UserID>] = [:]
                for count in tally.counts {
                    try #require(count.people.count <= count.group.needed)
                    let before = now[count.step ?? 0, default: []]
                    try #require(before.isDisjoint(with: count.people), "a person counts in one group of a set")
                    now[count.step ?? 0] = before.union(count.people)
                    if fourEyes { try #require(!count.people.contains("u0")) }
                }
                for (set, people) in counted { try #require(people.isSubset(of: now[set] ?? []), "after \(end) of \(votes)") }
                counted = now
            }
        }
    }

    /// Who of equal people votes first does not matter for whether it is decided.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func theOrderOfEqualVotesDoesNotMatter(_ seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let votes = (0..<6).map { index in
            (user: "u\(index)", groups: Set(["security", "dba"].filter { _ in Bool.random(using: &generator) }))
        }
        func isDecided(_ order: [Int]) -> Bool {
            let cast = order.enumerated().map { Fixture.vote(by: votes[$1].user, for: votes[$1].groups, record: UInt64($0 + 2)) }
            return ApprovalTally(approval(cast)).decisive != nil
        }
        let first = isDecided(Array(0..<6))
        for _ in 0..<20 { try #require(isDecided((0..<6).shuffled(using: &generator)) == first) }
    }
}
