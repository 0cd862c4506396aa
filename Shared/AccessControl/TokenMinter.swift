import FoundationEssentials

/// Signs tokens with a shared secret, for tests and `causeway token`. Services do not need it.
public struct TokenMinter: Sendable {
    /// The claims of a minted token. Nil and empty ones are omitted, so that invalid tokens can be made too.
    public struct Claims: Sendable {
        /// `sub`.
        public var subject: String?
        /// The tenant's name.
        public var tenant: String?
        /// The name of the tenant claim.
        public var tenantClaim = "tenant_id"
        /// The roles, unvalidated.
        public var roles: [String]
        /// The name of the claim with the roles; dots are part of it.
        public var rolesClaim = "roles"
        /// `exp`, in seconds since 1970 UTC.
        public var expiresAt: Int64?
        /// `iat`, in seconds since 1970 UTC.
        public var issuedAt: Int64?
        /// `nbf`, in seconds since 1970 UTC.
        public var notBefore: Int64?
        /// `jti`.
        public var tokenID: String?
        /// `iss`.
        public var issuer: String?
        /// `aud`.
        public var audience: String?
        /// `email`.
        public var email: String?
        /// `scope`.
        public var scope: String?

        /// Creates claims; `expiresAt` in seconds since 1970 UTC.
        public init(subject: String?, tenant: String?, roles: Set<Role> = [], expiresAt: Int64?) {
            self.subject = subject
            self.tenant = tenant
            self.roles = roles.sorted().map(\.rawValue)
            self.expiresAt = expiresAt
        }
    }

    private let key: VerificationKey

    /// - Parameters:
    ///   - algorithm: HS256, HS384 or HS512.
    ///   - keyID: written to the header as `kid`.
    /// - Throws: ``AccessControlError`` for another algorithm or an empty secret.
    public init(secret: String, algorithm: SignatureAlgorithm = .hs256, keyID: String? = nil) throws(AccessControlError) {
        key = try KeySources.key(secret: secret, algorithm: algorithm, keyID: keyID, logger: nil)
    }

    /// Returns a signed token in compact serialization (RFC 7519 §7.1).
    public func mint(_ claims: Claims) throws(AccessControlError) -> String {
        let header = try json(Header(alg: key.algorithm.rawValue, kid: key.keyID))
        let input = Base64URL.encode(header) + "." + Base64URL.encode(try json(claims))
        return input + "." + Base64URL.encode(try key.sign(Array(input.utf8)))
    }

    /// Returns a token for one user.
    /// - Parameter expiresAt: seconds since 1970 UTC.
    public func mint(subject: String, tenant: String, roles: Set<Role>, expiresAt: Int64) throws(AccessControlError) -> String {
        try mint(Claims(subject: subject, tenant: tenant, roles: roles, expiresAt: expiresAt))
    }

    private struct Header: Encodable {
        let alg: String
        var typ = "JWT"
        let kid: String?
    }

    private func json(_ value: some Encodable) throws(AccessControlError) -> Data {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(value)
        } catch {
            throw AccessControlError("The token's claims cannot be written as JSON.")
        }
    }
}

/// A coding key with a dynamic name, because claim names are configurable.
private struct ClaimName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension TokenMinter.Claims: Encodable {
    /// Encodes the claims, without nil and empty ones.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: ClaimName.self)
        try container.encodeIfPresent(subject, forKey: ClaimName("sub"))
        try container.encodeIfPresent(tenant, forKey: ClaimName(tenantClaim))
        if !roles.isEmpty { try container.encode(roles, forKey: ClaimName(rolesClaim)) }
        try container.encodeIfPresent(expiresAt, forKey: ClaimName("exp"))
        try container.encodeIfPresent(issuedAt, forKey: ClaimName("iat"))
        try container.encodeIfPresent(notBefore, forKey: ClaimName("nbf"))
        try container.encodeIfPresent(tokenID, forKey: ClaimName("jti"))
        try container.encodeIfPresent(issuer, forKey: ClaimName("iss"))
        try container.encodeIfPresent(audience, forKey: ClaimName("aud"))
        try container.encodeIfPresent(email, forKey: ClaimName("email"))
        try container.encodeIfPresent(scope, forKey: ClaimName("scope"))
    }
}
