import Basics
import EventModel

/// Counts the votes on an approval: a pure function of the request and its records, the same on every replica and at any time.
///
/// Votes count in the order of their records. A set of groups is satisfied when each of its groups has its number of people; the first set is the
/// request's own, and each step of the escalation in force adds another. The approval is approved when one set is satisfied, and rejected by the first
/// vote against it.
struct ApprovalTally: Sendable, Equatable {
    /// A group with the people that count for it.
    struct Count: Sendable, Equatable {
        var group: ApprovalGroup
        /// The step of the escalation that added it, from 1; nil for the request's own.
        var step: Int?
        var people: [UserID]
    }

    /// The groups in force.
    let counts: [Count]
    /// The vote with which the decision falls; nil while the approval is undecided.
    let decisive: Vote?

    init(_ approval: Approval) {
        let votes = Self.counted(approval)
        var counts: [Count] = []
        var decisive = votes.first { $0.action == .reject }
        let supporting = votes.filter { $0.action == .approve && $0.record < decisive?.record ?? .max }
        for (step, groups) in approval.sets {
            counts += Self.count(supporting, in: groups, step: step)
            // A step never approves by itself: earlier votes count in its set, but the decision falls with a later vote.
            let inForce = step.flatMap { approval.escalations[$0]?.record } ?? 0
            // The shortest prefix that satisfies the set: more votes never make it unsatisfied.
            for end in supporting.indices
            where supporting[end].record > inForce && Self.matching(supporting[...end], groups).isComplete {
                if supporting[end].record < decisive?.record ?? .max { decisive = supporting[end] }
                break
            }
        }
        self.counts = counts
        self.decisive = decisive
    }

    /// The votes that count: in time and before the decision; of those in favour, one for each person. A vote against always counts.
    private static func counted(_ approval: Approval) -> [Vote] {
        var people: Set<UserID> = []
        let request = approval.request
        return approval.votes.filter { vote in
            guard vote.record < approval.decision?.record ?? .max, !request.expiry.hasPassed(by: vote.votedAt) else { return false }
            if request.fourEyes, let requester = request.requestedBy, vote.votedBy == requester || vote.person == requester { return false }
            guard vote.action == .approve else { return true }
            // Somebody who votes in another's place has no second vote.
            guard !people.contains(vote.person), !people.contains(vote.votedBy) else { return false }
            people.formUnion([vote.person, vote.votedBy])
            return true
        }
    }

    private static func matching(_ votes: ArraySlice<Vote>, _ groups: [ApprovalGroup]) -> ApprovalMatching {
        ApprovalMatching(groups: groups, voters: votes.map(\.groups))
    }

    private static func count(_ votes: [Vote], in groups: [ApprovalGroup], step: Int?) -> [Count] {
        let matching = matching(votes[...], groups)
        return groups.enumerated().map { index, group in
            Count(group: group, step: step, people: matching.assigned[index].map { votes[$0].person })
        }
    }
}

extension Approval {
    /// The sets of groups in force, each with the step of the escalation that added it.
    var sets: [(step: Int?, groups: [ApprovalGroup])] {
        let steps = request.policy.escalations.indices.map { $0 + 1 }.filter { escalations[$0] != nil }
        return [(nil, request.groups)] + steps.map { ($0, request.policy.escalations[$0 - 1].groups) }
    }
}

/// A person who wants to decide or to vote, with the rights of the token or of a delegation.
struct Voter: Sendable, Equatable {
    var user: UserID
    /// The names of roles, those unknown to Causeway included.
    var roles: Set<String>

    /// Returns the names of the request's groups that the person belongs to.
    func groups(of request: Approval.Request) -> Set<String> {
        let all = request.groups + request.policy.escalations.flatMap(\.groups)
        return Set(all.filter { $0.admits(user, roles: roles) }.map(\.name))
    }

    /// Returns whether one of the names is a group that may decide now.
    static func isInForce(_ groups: Set<String>, on approval: Approval) -> Bool {
        approval.sets.contains { set in set.groups.contains { groups.contains($0.name) } }
    }
}
