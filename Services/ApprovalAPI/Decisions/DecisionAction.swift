import EventModel

/// What can be decided about an approval: the member `action` of an `approval.resolved` (contract §7).
enum DecisionAction: String, Sendable, Hashable, CaseIterable {
    /// A person lets the remediation go ahead.
    case approve
    /// A person stops it.
    case reject
    /// Nobody answered in time, which stops it too.
    case expire

    /// Those that a person can ask for.
    static let ofPeople: [DecisionAction] = [.approve, .reject]

    /// What becomes of the remediation, as the answer to a decision says.
    var remediationStatus: String { self == .approve ? "executing" : "cancelled" }

    /// The type of the event that follows. An approval that nobody answered stops its remediation: to fail closed is the point of asking.
    var effectTypeName: String { self == .approve ? "remediation.approved" : "remediation.rejected" }

    /// The approval's status from then on.
    var status: ApprovalStatus {
        switch self {
        case .approve: .approved
        case .reject: .rejected
        case .expire: .expired
        }
    }
}

/// Where an approval stands.
enum ApprovalStatus: String, Sendable, Hashable, CaseIterable {
    case pending, approved, rejected, expired
}
