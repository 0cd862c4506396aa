import Basics
import EventModel

/// Decides who may decide what, and when: a pure function of approval, request and time.
enum DecisionRules {
    /// The right with which a person acts.
    struct Right: Sendable, Equatable {
        /// The person in whose place; nil for the own right.
        var onBehalfOf: UserID?
        /// The names of the groups that the person, or the one in whose place, belongs to.
        var groups: Set<String>
    }

    /// The result for a request.
    enum Verdict: Sendable, Equatable {
        /// The request may be stored; the records decide.
        case proceed(Right)
        /// The approval has expired: record that first.
        case expired
        /// The requester may not decide.
        case selfApproval
        /// Another user than the requester must decide, and the requester is unknown.
        case unknownRequester
        /// The person belongs to no group that may decide now.
        case notEligible
        /// A decision exists: the caller's own, if its id is this request's.
        case resolved(Approval.Decided)
    }

    /// Checks a request.
    ///
    /// The order matters: an existing decision is checked first, then the expiry, then the right to decide, then the four-eyes rule.
    ///
    /// - Parameters:
    ///   - voter: the person who acts.
    ///   - delegations: those in force to this person, oldest first.
    ///   - principal: the person in whose place to act, if the request names one.
    static func judge(
        _ approval: Approval,
        action: DecisionAction,
        by voter: Voter,
        delegations: [Delegation] = [],
        onBehalfOf principal: UserID? = nil,
        now: Timestamp
    ) -> Verdict {
        if let decided = approval.decision { return .resolved(decided) }
        let request = approval.request
        if request.expiry.hasPassed(by: now) { return .expired }
        guard let right = right(of: voter, delegations, onBehalfOf: principal, on: approval) else { return .notEligible }
        guard request.fourEyes else { return .proceed(right) }
        guard let requester = request.requestedBy else {
            // A rejection needs no second person.
            return action == .reject ? .proceed(right) : .unknownRequester
        }
        return requester == voter.user || requester == right.onBehalfOf ? .selfApproval : .proceed(right)
    }

    /// Returns whether the person's own right does not suffice, or is not to be used, so that delegations must be read.
    static func needsDelegations(_ voter: Voter, onBehalfOf principal: UserID?, on approval: Approval) -> Bool {
        principal != nil || !Voter.isInForce(voter.groups(of: approval.request), on: approval)
    }

    /// Returns the right with which a person may decide: the one in whose place the request says, else the person's own, else the oldest delegation that gives
    /// one.
    private static func right(
        of voter: Voter,
        _ delegations: [Delegation],
        onBehalfOf principal: UserID?,
        on approval: Approval
    ) -> Right? {
        let own = Right(onBehalfOf: nil, groups: voter.groups(of: approval.request))
        if !needsDelegations(voter, onBehalfOf: principal, on: approval) { return own }
        for delegation in delegations where principal == nil || delegation.giver == principal {
            // The one in whose place may not be the requester where another person must decide.
            guard !(approval.request.fourEyes && delegation.giver == approval.request.requestedBy) || principal != nil else { continue }
            let groups = Voter(user: delegation.giver, roles: Set(delegation.roles)).groups(of: approval.request)
            if Voter.isInForce(groups, on: approval) { return Right(onBehalfOf: delegation.giver, groups: groups) }
        }
        return nil
    }
}
