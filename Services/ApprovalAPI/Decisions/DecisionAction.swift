import EventModel

/// The possible decisions: `action` of an `approval.resolved` (contract §7).
enum DecisionAction: String, Sendable, Hashable, CaseIterable {
    /// A person allows the remediation.
    case approve
    /// A person stops the remediation.
    case reject
    /// The approval expired, which stops the remediation too.
    case expire

    /// The decisions that a person can request.
    static let ofPeople: [DecisionAction] = [.approve, .reject]

    /// The remediation's status in the response to a decision.
    var remediationStatus: String { self == .approve ? "executing" : "cancelled" }

    /// The type of the effect's event. An expired approval stops its remediation: it fails closed.
    var effectTypeName: String { self == .approve ? "remediation.approved" : "remediation.rejected" }

    /// The resulting status of the approval.
    var status: ApprovalStatus {
        switch self {
        case .approve: .approved
        case .reject: .rejected
        case .expire: .expired
        }
    }
}

/// The status of an approval.
enum ApprovalStatus: String, Sendable, Hashable, CaseIterable {
    case pending, approved, rejected, expired
}
