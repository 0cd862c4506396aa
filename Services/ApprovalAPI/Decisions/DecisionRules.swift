import Basics

/// Who may decide what, and when: a pure function of the approval, the request and the time.
enum DecisionRules {
    /// What a request comes to.
    enum Verdict: Sendable, Equatable {
        /// It may be put to the log, which has the last word.
        case proceed
        /// The approval's time is over: it is to be expired first.
        case expired
        /// The requester may not decide.
        case selfApproval
        /// Requester and decider must differ, and nobody knows who asked.
        case unknownRequester
        /// There is a decision already: the caller's own, if its id is this request's.
        case resolved(Approval.Decided)
    }

    /// Judges a request to decide.
    ///
    /// The order matters: a decision that is made is made, whoever asks; and an approval whose time is over is nobody's to decide.
    static func judge(_ approval: Approval, action: DecisionAction, by user: UserID, now: Timestamp) -> Verdict {
        if let decided = approval.decision { return .resolved(decided) }
        if approval.request.expiry.hasPassed(by: now) { return .expired }
        guard approval.request.fourEyes else { return .proceed }
        guard let requester = approval.request.requestedBy else {
            // To stop something needs no second pair of eyes.
            return action == .reject ? .proceed : .unknownRequester
        }
        return requester == user ? .selfApproval : .proceed
    }
}
