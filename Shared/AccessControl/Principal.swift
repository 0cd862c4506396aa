public import Basics

/// The verified identity of a token. Has none of the token's bytes; may be kept as long as its connection.
public struct Principal: Sendable, Hashable {
    /// The user: claim `sub`.
    public var user: UserID
    /// The tenant: the first of the configured claims that the token has.
    public var tenant: Tenant
    /// The token's roles, without those unknown to Causeway.
    public var roles: Set<Role>
    /// The names in the token's `roles` that Causeway does not know, sorted, each once, at most ``maximumOtherRoles``: they count in groups of
    /// approvers alone (contract §12).
    public var otherRoles: [String]
    /// When the connection must end, in seconds since 1970 UTC: `exp` plus the configured leeway, rounded down (contract §1).
    public var expiresAt: Int64
    /// Claim `jti`, by which the token can be revoked (contract §13); nil also when it is longer than an identifier.
    public var tokenID: TokenID?
    /// Claim `iat`, in milliseconds since 1970 UTC, rounded down.
    public var issuedAt: Int64?
    /// Claim `email`; never used for a decision.
    public var email: String?
    /// Claim `scope`; never used for a decision.
    public var scope: String?

    /// The most ``otherRoles``; the token's further ones are ignored.
    public static let maximumOtherRoles = 64

    /// Creates a principal; for ``Authenticator`` and tests.
    public init(
        user: UserID,
        tenant: Tenant,
        roles: Set<Role>,
        otherRoles: [String] = [],
        expiresAt: Int64,
        tokenID: TokenID? = nil,
        issuedAt: Int64? = nil,
        email: String? = nil,
        scope: String? = nil
    ) {
        self.user = user
        self.tenant = tenant
        self.roles = roles
        self.otherRoles = otherRoles
        self.expiresAt = expiresAt
        self.tokenID = tokenID
        self.issuedAt = issuedAt
        self.email = email
        self.scope = scope
    }

    /// The names of all roles, known to Causeway or not.
    public var roleNames: Set<String> { Set(otherRoles).union(roles.lazy.map(\.rawValue)) }

    /// ``expiresAt`` as an instant; saturates.
    public var expiry: Timestamp {
        let (milliseconds, overflow) = expiresAt.multipliedReportingOverflow(by: 1000)
        return Timestamp(millisecondsSinceEpoch: overflow ? (expiresAt < 0 ? .min : .max) : milliseconds)
    }

    /// What a connection keeps of the token, to be found by a later revocation.
    public var mark: TokenMark { TokenMark(tokenID: tokenID, issuedAt: issuedAt) }

    /// Returns whether the principal has at least one of `roles`. True for an empty set.
    public func has(anyOf roles: Set<Role>) -> Bool {
        roles.isEmpty || !self.roles.isDisjoint(with: roles)
    }
}
