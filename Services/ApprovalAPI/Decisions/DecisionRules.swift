import Basics

/// Decides who may decide what, and when: a pure function of approval, request and time.
enum DecisionRules {
    /// The result for a request.
    enum Verdict: Sendable, Equatable {
        /// The request may be appended; the log decides.
        case proceed
        /// The approval has expired: record that first.
        case expired
        /// The requester may not decide.
        case selfApproval
        /// Another user than the requester must decide, and the requester is unknown.
        case unknownRequester
        /// A decision exists: the caller's own, if its id is this request's.
        case resolved(Approval.Decided)
    }

    /// Checks a request.
    ///
    /// The order matters: an existing decision is checked first, then the expiry, then the four-eyes rule.
    static func judge(_ approval: Approval, action: DecisionAction, by user: UserID, now: Timestamp) -> Verdict {
        if let decided = approval.decision { return .resolved(decided) }
        if approval.request.expiry.hasPassed(by: now) { return .expired }
        guard approval.request.fourEyes else { return .proceed }
        guard let requester = approval.request.requestedBy else {
            // A rejection needs no second person.
            return action == .reject ? .proceed : .unknownRequester
        }
        return requester == user ? .selfApproval : .proceed
    }
}
