public import Basics

/// Takes tokens of one tenant back before they expire (contract §13).
public struct Revocation: Sendable, Hashable {
    /// Which tokens are revoked.
    public enum Target: Sendable, Hashable {
        /// The token with this `jti`.
        case token(TokenID)
        /// The user's tokens whose `iat` is before this time, in milliseconds since 1970 UTC, and those without `iat`.
        case user(UserID, issuedBefore: Int64)
    }

    /// The tenant of the tokens.
    public var tenant: Tenant
    /// The tokens.
    public var target: Target
    /// When the last token that it can concern has expired, in milliseconds since 1970 UTC; the revocation is then forgotten.
    public var expiresAt: Int64

    /// Creates a revocation; `expiresAt` in milliseconds since 1970 UTC.
    public init(tenant: Tenant, target: Target, expiresAt: Int64) {
        self.tenant = tenant
        self.target = target
        self.expiresAt = expiresAt
    }

    /// Returns a revocation that concerns the tokens of both for as long as either; `other` names the same `jti` or user.
    public func merged(with other: Revocation) -> Revocation {
        var merged = self
        merged.expiresAt = max(expiresAt, other.expiresAt)
        if case .user(let user, let before) = target, case .user(_, let otherBefore) = other.target {
            merged.target = .user(user, issuedBefore: max(before, otherBefore))
        }
        return merged
    }

    /// Returns whether it concerns a token of its tenant.
    public func concerns(_ user: UserID, _ mark: TokenMark) -> Bool {
        switch target {
        case .token(let id): mark.isOf(id)
        case .user(let revoked, let issuedBefore): revoked == user && mark.issuedAt < issuedBefore
        }
    }
}

/// What an open connection keeps of its token, besides the user, to be found by a later revocation: 16 bytes.
///
/// The `jti` is kept as a hash, seeded for each process: of 2^64 tokens one is mistaken for another. ``Revocations`` compares the text.
public struct TokenMark: Sendable, Hashable {
    /// 0 without a `jti`.
    private let idHash: UInt64
    /// Claim `iat` in milliseconds since 1970 UTC; `Int64.min` without one.
    public let issuedAt: Int64

    /// The mark of a token with these claims.
    public init(tokenID: TokenID?, issuedAt: Int64?) {
        idHash = tokenID.map(Self.hash) ?? 0
        self.issuedAt = issuedAt ?? .min
    }

    /// The mark of a connection without a token, which no revocation concerns.
    public static let ofNoToken = TokenMark(tokenID: nil, issuedAt: .max)

    /// Returns whether the token has this `jti`.
    func isOf(_ id: TokenID) -> Bool { idHash == Self.hash(id) }

    private static func hash(_ id: TokenID) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(id)
        return max(1, UInt64(bitPattern: Int64(hasher.finalize())))
    }
}
