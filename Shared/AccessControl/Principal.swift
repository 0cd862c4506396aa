/// Who a token speaks for, after every check has passed. Holds nothing of the token's bytes and may be kept as long as its connection.
public struct Principal: Sendable, Hashable {
    /// The user: claim `sub`, 1 to 256 bytes of UTF-8 without control characters.
    public var subject: String
    /// The isolation unit: 1 to 128 bytes of UTF-8 without control characters, which are the rules of `EventModel.Tenant`.
    public var tenant: String
    /// The roles that Causeway knows, out of those the token names.
    public var roles: Set<Role>
    /// The second since 1970 UTC at which the connection must end: `exp` plus the configured leeway, rounded down (contract §1).
    public var expiresAt: Int64
    /// Claim `email`: carried, never used for a decision.
    public var email: String?
    /// Claim `scope`: carried, never used for a decision.
    public var scope: String?

    /// Creates a principal. Only ``Authenticator`` and tests have reason to.
    public init(subject: String, tenant: String, roles: Set<Role>, expiresAt: Int64, email: String? = nil, scope: String? = nil) {
        self.subject = subject
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
