import ServiceKit

extension AnyConfigurationKey {
    static let databaseFile = ConfigurationKey(
        "database.file",
        .text,
        default: "approval-api.sqlite",
        help: "The SQLite file of this process's read model, rebuilt from the log when missing; :memory: keeps it in memory."
    )
    static let databaseReaders = ConfigurationKey(
        "database.readers",
        .integer(2...64),
        default: "4",
        help: "Concurrent read connections to the read model, besides the one that writes; a tenant gets at most half of them."
    )
    static let decisionTimeout = ConfigurationKey(
        "decision.timeout",
        .duration(.milliseconds(100) ... .seconds(60)),
        default: "5s",
        help: "Time limit for storing a decision and for waiting for the read model; after that the response is 503."
    )
    static let expiryInterval = ConfigurationKey(
        "expiry.interval",
        .duration(.milliseconds(20) ... .seconds(3600)),
        default: "1s",
        help: "How often overdue approvals are looked up and expired."
    )

    // MARK: Security events

    static let securityEventsIssuer = ConfigurationKey(
        optional: "security.events.issuer",
        .text,
        help: "What the iss claim of pushed security events must be; unset, none are accepted."
    )
    static let securityEventsAudience = ConfigurationKey(
        optional: "security.events.audience",
        .text,
        help: "What the aud claim of security events must be or contain."
    )
    static let securityEventsPublicKeyFile = ConfigurationKey(
        optional: "security.events.public.key.file",
        .file,
        help: "PEM file of the public keys that security events are checked with."
    )
    static let securityEventsJWKSFile = ConfigurationKey(
        optional: "security.events.jwks.file",
        .file,
        help: "JSON Web Key Set on disk, for security events."
    )
    static let securityEventsJWKSURL = ConfigurationKey(
        optional: "security.events.jwks.url",
        .text,
        help: "JSON Web Key Set behind a URL, for security events; kept fresh."
    )
    static let securityEventsTenant = ConfigurationKey(
        optional: "security.events.tenant",
        .text,
        help: "The only tenant whose tokens the issuer may revoke; unless set, each event names its tenant."
    )
    static let securityEventsBearerToken = ConfigurationKey(
        optional: "security.events.bearer.token",
        .text,
        isSecret: true,
        help: "The bearer token that the issuer must send with security events; unless set, their signature suffices."
    )
}

extension ApprovalProcess {
    /// All configuration keys.
    static let keys: [AnyConfigurationKey] =
        ([
            .listeners(httpPort: 8084, adminPort: 9084), .nats, .eventLog, .accessControl,
            [.databaseFile, .databaseReaders, .decisionTimeout, .expiryInterval], .rateLimits, [.corsOrigins, .drainWindow],
            securityEventKeys, .logging, .tracing,
        ] as [[AnyConfigurationKey]]).flatMap(\.self)

    /// Accepted security events.
    static let securityEventKeys: [AnyConfigurationKey] = [
        .securityEventsIssuer, .securityEventsAudience, .securityEventsPublicKeyFile, .securityEventsJWKSFile, .securityEventsJWKSURL,
        .securityEventsTenant, .securityEventsBearerToken,
    ]
}
