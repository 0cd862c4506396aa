public import Basics

/// Configures which Security Event Tokens a process accepts, of one issuer (contract §13).
public struct SecurityEventConfiguration: Sendable {
    /// Key sources, and required `iss` and `aud`, which must both be set; the claims that may name the tenant, the leeway for times in the
    /// future, and the largest token. Other members are ignored.
    public var tokens: AccessControlConfiguration
    /// Issuers besides that of the events whose `sub` names a user of Causeway's tokens.
    public var userIssuers: [String]
    /// The only tenant whose tokens the issuer may revoke; nil for any, which every event then names.
    public var tenant: Tenant?
    /// The bearer token that the transmitter must send; nil for none.
    public var bearerToken: String?
    /// The longest time between the issue of an access token and its `exp`.
    public var maximumTokenLife: Duration

    /// Creates a configuration for any tenant, without a bearer token.
    public init(tokens: AccessControlConfiguration, userIssuers: [String] = [], maximumTokenLife: Duration) {
        self.tokens = tokens
        self.userIssuers = userIssuers
        self.maximumTokenLife = maximumTokenLife
    }
}

extension SecurityEventConfiguration: CustomReflectable {
    /// Has no children, so that `dump` and mirrors do not show the bearer token.
    public var customMirror: Mirror { Mirror(self, children: [(label: String?, value: Any)]()) }
}
