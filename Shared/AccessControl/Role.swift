/// What a token's bearer may do (contract §1, §10, §13). Other names count in groups of approvers alone: ``Principal/otherRoles``.
public enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Decides approvals and produces events of its own tenant.
    case admin
    /// Reads the streams and lists of its tenant.
    case member
    /// A service that produces events for any tenant.
    case producer
    /// Revokes tokens of any tenant (contract §13).
    case issuer

    public static func < (left: Role, right: Role) -> Bool { left.rawValue < right.rawValue }
}
