/// Configures which tokens a process accepts (contract §1). At least one key source must be set.
public struct AccessControlConfiguration: Sendable {
    /// Configures the refresh of the keys behind ``jwksURL``, and the limits of a request.
    public struct KeyRefresh: Sendable, Hashable {
        /// Maximum age of the keys before they are fetched again; also how long a revoked key stays valid while the URL responds.
        public var interval: Duration = .seconds(300)
        /// Minimum interval between requests, however many tokens name an unknown key; after failures a shorter backoff applies, up to this
        /// interval.
        public var minimumInterval: Duration = .seconds(10)
        /// Time limit of one request, from connecting to the last byte.
        public var timeout: Duration = .seconds(5)
        /// Maximum document size in bytes.
        public var maximumBytes = 512 * 1024

        /// Creates the defaults.
        public init() {}
    }

    /// The shared secret; its UTF-8 bytes are the key.
    public var hs256Secret: String?
    /// A second shared secret, accepted like the first one: the one before, during a rotation.
    public var hs256PreviousSecret: String?
    /// A file with the shared secret, instead of ``hs256Secret``; reread by ``Authenticator/reload()``.
    public var hs256SecretFile: String?
    /// A file with the second shared secret, instead of ``hs256PreviousSecret``; reread by ``Authenticator/reload()``.
    public var hs256PreviousSecretFile: String?
    /// The one algorithm for which shared secrets are used: HS256, HS384 or HS512.
    public var secretAlgorithm = SignatureAlgorithm.hs256
    /// A PEM file with up to 8 public keys, or one certificate: RSA, EC P-256, EC P-384 or Ed25519; reread by ``Authenticator/reload()``.
    public var publicKeyFile: String?
    /// The one algorithm of RSA keys that do not name their own: RS256 or PS256.
    public var rsaAlgorithm = SignatureAlgorithm.rs256
    /// A JSON Web Key Set file (RFC 7517); reread by ``Authenticator/reload()``.
    public var jwksFile: String?
    /// The URL of a JSON Web Key Set: `https://`, or `http://` in a trusted network.
    public var jwksURL: String?
    /// The refresh of the keys behind ``jwksURL``.
    public var keyRefresh = KeyRefresh()

    /// The required `iss`; nil accepts any.
    public var issuer: String?
    /// The required `aud`, or a member of it; nil accepts any.
    public var audience: String?
    /// The claims that may name the tenant; the first one present counts.
    public var tenantClaims = ["tenant_id", "workspace_id", "org_id"]
    /// The claims that may hold the roles; the first one present counts. A name that is no claim of the token and has dots is a path:
    /// `realm_access.roles` is the member `roles` of the claim `realm_access`.
    public var roleClaims = ["roles"]
    /// Tolerance for `nbf` and `iat` in the future.
    public var leeway: Duration = .seconds(30)
    /// Tolerance for `exp` in the past.
    public var expiryLeeway: Duration = .zero

    /// Maximum token size in bytes (contract §1).
    public var maximumTokenBytes = 16 * 1024
    /// Maximum number of cached verified tokens; 0 disables the cache.
    public var cacheCapacity = 8 * 1024

    /// Creates a configuration without a key source.
    public init() {}

    /// Creates a configuration with a shared secret, for development and tests.
    public init(hs256Secret secret: String, algorithm: SignatureAlgorithm = .hs256) {
        self.hs256Secret = secret
        self.secretAlgorithm = algorithm
    }

    /// The paths of all key files.
    public var files: [String] { [hs256SecretFile, hs256PreviousSecretFile, publicKeyFile, jwksFile].compactMap(\.self) }

    /// Whether a key source is set. A previous secret does not count.
    public var hasKeySource: Bool {
        hs256Secret != nil || hs256SecretFile != nil || publicKeyFile != nil || jwksFile != nil || jwksURL != nil
    }
}

extension AccessControlConfiguration: CustomStringConvertible, CustomReflectable {
    /// Names what is set; never shows a secret.
    public var description: String {
        let parts = [
            hs256Secret.map { _ in "hs256Secret: <redacted> (\(secretAlgorithm.rawValue))" },
            hs256SecretFile.map { "hs256SecretFile: \($0)" },
            hs256PreviousSecret.map { _ in "hs256PreviousSecret: <redacted>" },
            hs256PreviousSecretFile.map { "hs256PreviousSecretFile: \($0)" },
            publicKeyFile.map { "publicKeyFile: \($0)" },
            jwksFile.map { "jwksFile: \($0)" },
            jwksURL.map { "jwksURL: \(KeyDocument.shown($0))" },
            issuer.map { "issuer: \($0)" },
            audience.map { "audience: \($0)" },
            "tenantClaims: \(tenantClaims.joined(separator: ","))",
            "roleClaims: \(roleClaims.joined(separator: ","))",
        ]
        return "AccessControlConfiguration(\(parts.compactMap(\.self).joined(separator: ", ")))"
    }

    /// Has no children, so that `dump` and mirrors do not show the secret.
    public var customMirror: Mirror { Mirror(self, children: [(label: String?, value: Any)]()) }
}
