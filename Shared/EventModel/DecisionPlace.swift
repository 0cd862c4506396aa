public import Basics

/// A place in a tenant's log that takes one event and no second one: an approval's request, what is decided about it, and what follows from
/// that (contract §7).
///
/// Each place is a subject of its own, so that the server itself refuses a second event, whoever sends it and however much later.
public enum DecisionPlace: Sendable, Hashable {
    /// The request: the approval's `approval.requested`.
    case request(approvalID: ApprovalID)
    /// The decision: the approval's `approval.resolved`.
    case decision(approvalID: ApprovalID)
    /// What the decision entails: `remediation.approved` or `remediation.rejected`.
    case effect(approvalID: ApprovalID)

    /// The subjects of every tenant's decisions, without what follows from them, as a filter.
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

    /// What comes behind the tenant in a subject.
    var tail: String {
        switch self {
        case .request(let approvalID): "\(Self.kind).\(SubjectToken.encode(approvalID)).\(Self.requestSuffix)"
        case .decision(let approvalID): "\(Self.kind).\(SubjectToken.encode(approvalID))"
        case .effect(let approvalID): "\(Self.kind).\(SubjectToken.encode(approvalID)).\(Self.effectSuffix)"
        }
    }

    /// Reads what comes behind the tenant; nil when it is not such a place.
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
