public import Basics

/// A write-once place in a tenant's log: an approval's request, its decision, or the decision's effect (contract §7).
///
/// Each place has its own subject, so that the server rejects a second event from any sender at any time.
public enum DecisionPlace: Sendable, Hashable {
    /// The request: the approval's `approval.requested`.
    case request(approvalID: ApprovalID)
    /// The decision: the approval's `approval.resolved`.
    case decision(approvalID: ApprovalID)
    /// The effect of the decision: `remediation.approved` or `remediation.rejected`.
    case effect(approvalID: ApprovalID)

    /// The subject filter for every tenant's decisions, without their effects.
    public static let decisionsFilter = "events.*.\(kind).*"

    private static let kind = "DECISION"
    private static let requestSuffix = "REQUEST"
    private static let effectSuffix = "EFFECT"

    /// The approval that the place belongs to.
    public var approvalID: ApprovalID {
        switch self {
        case .request(let approvalID), .decision(let approvalID), .effect(let approvalID): approvalID
        }
    }

    /// The part of the subject after the tenant.
    var tail: String {
        switch self {
        case .request(let approvalID): "\(Self.kind).\(SubjectToken.encode(approvalID)).\(Self.requestSuffix)"
        case .decision(let approvalID): "\(Self.kind).\(SubjectToken.encode(approvalID))"
        case .effect(let approvalID): "\(Self.kind).\(SubjectToken.encode(approvalID)).\(Self.effectSuffix)"
        }
    }

    /// Parses the part of the subject after the tenant; nil when it is not a decision place.
    init?(tail: some StringProtocol) {
        let tokens = tail.split(separator: ".", omittingEmptySubsequences: false)
        guard (2...3).contains(tokens.count), tokens[0] == Self.kind, let name = SubjectToken.decode(tokens[1]),
            let approvalID = try? ApprovalID(name)
        else { return nil }
        if tokens.count == 2 {
            self = .decision(approvalID: approvalID)
        } else if tokens[2] == Self.requestSuffix {
            self = .request(approvalID: approvalID)
        } else if tokens[2] == Self.effectSuffix {
            self = .effect(approvalID: approvalID)
        } else {
            return nil
        }
    }
}
