public import Basics

/// Who a token speaks for, after every check has passed. Holds nothing of the token's bytes and may be kept as long as its connection.
public struct Principal: Sendable, Hashable {
    /// The user: claim `sub`.
    public var user: UserID
    /// The isolation unit: the first of the configured claims that the token has.
    public var tenant: Tenant
    /// The roles that Causeway knows, out of those the token names.
    public var roles: Set<Role>
    /// The second since 1970 UTC at which the connection must end: `exp` plus the configured leeway, rounded down (contract §1).
    public var expiresAt: Int64
    /// Claim `email`: carried, never used for a decision.
    public var email: String?
    /// Claim `scope`: carried, never used for a decision.
    public var scope: String?

    /// Creates a principal. Only ``Authenticator`` and tests have reason to.
    public init(user: UserID, tenant: Tenant, roles: Set<Role>, expiresAt: Int64, email: String? = nil, scope: String? = nil) {
        self.user = user
        self.tenant = tenant
        self.roles = roles
        self.expiresAt = expiresAt
        self.email = email
        self.scope = scope
    }

    /// Whether the principal has at least one of `roles`. An empty set asks for nothing and is always satisfied.
    public func has(anyOf roles: Set<Role>) -> Bool {
        roles.isEmpty || !self.roles.isDisjoint(with: roles)
    }
}
