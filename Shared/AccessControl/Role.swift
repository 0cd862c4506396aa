/// What a token lets its bearer do (contract §1, §10). Names that are not listed here are ignored.
public enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Decides approvals and produces events of its own tenant.
    case admin
    /// Reads the streams and lists of its tenant.
    case member
    /// A service that produces events for any tenant.
    case producer

    public static func < (left: Role, right: Role) -> Bool { left.rawValue < right.rawValue }
}
