/// Which tokens a process accepts (contract §1). At least one source of keys must be set.
public struct AccessControlConfiguration: Sendable {
    /// How the document behind ``jwksURL`` is kept fresh, and what a request for it may cost.
    public struct KeyRefresh: Sendable, Hashable {
        /// How old the keys may become before they are fetched again; how long a withdrawn key is honoured while the URL
        /// answers.
        public var interval: Duration = .seconds(300)
        /// The least time between two requests, however many tokens name an unknown key; after
        /// failures the pause is shorter, and grows up to this one.
        public var minimumInterval: Duration = .seconds(10)
        /// How long one request may take, from connecting to the last byte.
        public var timeout: Duration = .seconds(5)
        /// The largest document that is read.
        public var maximumBytes = 512 * 1024

        public init() {}
    }

    /// The shared secret; its UTF-8 bytes are the key.
    public var hs256Secret: String?
    /// A file that holds the shared secret, in the place of ``hs256Secret``; read again by ``Authenticator/reload()``.
    public var hs256SecretFile: String?
    /// The one algorithm for which ``hs256Secret`` is used: HS256, HS384 or HS512.
    public var secretAlgorithm = SignatureAlgorithm.hs256
    /// A PEM file with one public key or certificate: RSA, EC P-256, EC P-384 or Ed25519.
    public var publicKeyFile: String?
    /// The one algorithm for which RSA keys are used that do not name their own: RS256 or PS256.
    public var rsaAlgorithm = SignatureAlgorithm.rs256
    /// A JSON Web Key Set (RFC 7517) on disk; read again by ``Authenticator/reload()``.
    public var jwksFile: String?
    /// A JSON Web Key Set behind `https://` (or `http://` inside a trusted network).
    public var jwksURL: String?
    /// See ``KeyRefresh``.
    public var keyRefresh = KeyRefresh()

    /// What `iss` must be; nil accepts any.
    public var issuer: String?
    /// What `aud` must be or contain; nil accepts any.
    public var audience: String?
    /// The claims that may name the tenant; the first one present decides.
    public var tenantClaims = ["tenant_id", "workspace_id", "org_id"]
    /// How far `nbf` and `iat` may lie in the future.
    public var leeway: Duration = .seconds(30)
    /// How long after `exp` a token is still accepted.
    public var expiryLeeway: Duration = .zero

    /// The longest token that is looked at (contract §1).
    public var maximumTokenBytes = 16 * 1024
    /// How many verified tokens are remembered; 0 remembers none.
    public var cacheCapacity = 8 * 1024

    /// Accepts nothing yet: set a source of keys.
    public init() {}

    /// Accepts what is signed with a shared secret, as development and tests do.
    public init(hs256Secret secret: String, algorithm: SignatureAlgorithm = .hs256) {
        self.hs256Secret = secret
        self.secretAlgorithm = algorithm
    }

    /// The files that keys come from.
    public var files: [String] { [hs256SecretFile, publicKeyFile, jwksFile].compactMap(\.self) }

    /// Whether any source of keys is set.
    public var hasKeySource: Bool {
        hs256Secret != nil || hs256SecretFile != nil || publicKeyFile != nil || jwksFile != nil || jwksURL != nil
    }
}

extension AccessControlConfiguration: CustomStringConvertible, CustomReflectable {
    /// Names what is set and never shows the secret.
    public var description: String {
        let parts = [
            hs256Secret.map { _ in "hs256Secret: <redacted> (\(secretAlgorithm.rawValue))" },
            hs256SecretFile.map { "hs256SecretFile: \($0)" },
            publicKeyFile.map { "publicKeyFile: \($0)" },
            jwksFile.map { "jwksFile: \($0)" },
            jwksURL.map { "jwksURL: \(KeyDocument.shown($0))" },
            issuer.map { "issuer: \($0)" },
            audience.map { "audience: \($0)" },
            "tenantClaims: \(tenantClaims.joined(separator: ","))",
        ]
        return "AccessControlConfiguration(\(parts.compactMap(\.self).joined(separator: ", ")))"
    }

    /// Without children, so that `dump` and mirrors do not show the secret either.
    public var customMirror: Mirror { Mirror(self, children: [(label: String?, value: Any)]()) }
}
