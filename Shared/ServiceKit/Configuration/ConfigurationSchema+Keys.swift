import Basics
public import EventLog
public import Logging

// Keys shared by several programs, in groups. A program combines the groups that it needs and adds its own keys.

extension AnyConfigurationKey {
    private static let ports = ValueFormat.integer(0...65_535)

    // MARK: Listeners

    /// The public listener's address.
    public static let httpHost = ConfigurationKey("http.host", .text, default: "0.0.0.0", help: "Address of the public listener.")
    /// The public listener's port; the default depends on the program.
    public static let httpPort = ConfigurationKey(
        "http.port",
        ports,
        default: "8080",
        help: "Port of the public listener; 0 takes a free one."
    )
    /// Time limit for the arrival of a request body.
    public static let httpBodyTimeout = ConfigurationKey(
        "http.body.timeout",
        .duration(.milliseconds(100) ... .seconds(3600)),
        default: "60s",
        help: "How long the body of a request may take to arrive, also one that is not read; after that the connection is closed."
    )
    /// Whether requests that can be judged at once are served past the router: streams of edges, and single events of the intake.
    public static let quickDoor = ConfigurationKey(
        "quick.door",
        .boolean,
        default: "true",
        help: "Whether a request that can be judged at once is served by the thread that reads it, without the HTTP server's router."
    )
    /// The address of the listener for health and metrics.
    public static let adminHost = ConfigurationKey(
        "admin.host",
        .text,
        default: "127.0.0.1",
        help: "Address of the listener for /healthz, /readyz and /metrics."
    )
    /// The port for health and metrics; the default depends on the program.
    public static let adminPort = ConfigurationKey(
        "admin.port",
        ports,
        default: "9080",
        help: "Port of the listener for /healthz, /readyz and /metrics; 0 takes a free one."
    )

    // MARK: The bus

    /// URLs of the NATS servers.
    public static let natsURL = ConfigurationKey(
        "nats.url",
        .list,
        default: "nats://127.0.0.1:4222",
        help: "NATS servers of one system, nats://host:port or tls://host:port."
    )
    /// Credentials file.
    public static let natsCredentialsFile = optionalFile(.secretFile, "nats.credentials.file", "A .creds file: user JWT and seed.")
    /// NKey seed file.
    public static let natsNKeySeedFile = optionalFile(.secretFile, "nats.nkey.seed.file", "A file with an NKey user seed.")
    /// User name.
    public static let natsUser = optionalText("nats.user", "User at the NATS servers; goes with nats.password.")
    /// Password; secret.
    public static let natsPassword = secret("nats.password", "Password at the NATS servers.")
    /// Certificate authorities of the servers.
    public static let natsTLSCAFile = optionalFile(
        .certificateFile,
        "nats.tls.ca.file",
        "PEM file of the authorities that sign the NATS servers' certificates."
    )
    /// Client certificate, for mutual TLS.
    public static let natsTLSCertificateFile = optionalFile(
        .certificateFile,
        "nats.tls.cert.file",
        "PEM file of the certificate to show to the NATS servers."
    )
    /// Private key of the client certificate.
    public static let natsTLSKeyFile = optionalFile(.secretFile, "nats.tls.key.file", "PEM file of that certificate's private key.")

    // MARK: The event log

    /// Number of replicas of the log's stream.
    public static let eventLogReplicas = ConfigurationKey(
        "event.log.replicas",
        .integer(1...5),
        default: "1",
        formerName: "log.replicas",
        help: "On how many NATS servers each event is kept: 1, 3 or 5. More than one needs nats-server 2.10."
    )
    /// Maximum age of events; 0 for no limit.
    public static let eventLogMaxAge = ConfigurationKey(
        "event.log.max.age",
        .duration(.zero ... .seconds(3650 * 86_400)),
        default: "7d",
        formerName: "log.max.age",
        help: "How long an event is kept; 0 keeps it for ever."
    )
    /// Maximum size of the log in bytes; 0 for no limit.
    public static let eventLogMaxBytes = ConfigurationKey(
        "event.log.max.bytes",
        .byteSize(0...(1 << 50)),
        default: "10GiB",
        formerName: "log.max.bytes",
        help: "How many bytes of events are kept before the oldest go; 0 sets no bound."
    )
    /// Storage type of the log's stream.
    public static let eventLogStorage = ConfigurationKey<EventLogConfiguration.Storage>(
        "event.log.storage",
        .choice,
        default: "file",
        formerName: "log.storage",
        help: "Where the NATS servers keep the events; memory is for tests."
    )

    /// Maximum age of approval records; 0 for no limit.
    public static let approvalsMaxAge = ConfigurationKey(
        "approvals.max.age",
        .duration(.zero ... .seconds(3650 * 86_400)),
        default: "365d",
        help: "How long an approval's request, votes and decision are kept, whatever the event log drops; 0 keeps them for ever."
    )
    /// Maximum size of the approval records in bytes; 0 for no limit.
    public static let approvalsMaxBytes = ConfigurationKey(
        "approvals.max.bytes",
        .byteSize(0...(1 << 50)),
        default: "1GiB",
        help: "How many bytes of approval records are kept before further requests are refused; 0 sets no bound."
    )

    // MARK: Identity

    /// Shared secret of HS256 tokens; secret.
    public static let authHS256Secret = secret("auth.hs256.secret", "Shared secret that tokens are signed with (HS256).")
    /// Second shared secret, accepted but not signed with; secret.
    public static let authHS256SecretPrevious = secret(
        "auth.hs256.secret.previous",
        "A second shared secret that tokens are still accepted with, while the first one takes its place."
    )
    /// Public key file.
    public static let authPublicKeyFile = optionalFile(
        .file,
        "auth.public.key.file",
        "PEM file of the public keys that tokens are checked with."
    )
    /// JSON Web Key Set file.
    public static let authJWKSFile = optionalFile(.file, "auth.jwks.file", "JSON Web Key Set on disk.")
    /// JSON Web Key Set URL.
    public static let authJWKSURL = optionalText("auth.jwks.url", "JSON Web Key Set behind a URL; kept fresh.")
    /// Required `iss`.
    public static let authIssuer = optionalText("auth.issuer", "What the iss claim must be.")
    /// Required `aud`.
    public static let authAudience = optionalText("auth.audience", "What the aud claim must be or contain.")
    /// Claims that may name the tenant, in order.
    public static let authTenantClaims = ConfigurationKey(
        "auth.tenant.claims",
        .list,
        default: "tenant_id,workspace_id,org_id",
        help: "Claims that may name the tenant; the first one present decides."
    )
    /// Claims that may hold the roles, in order.
    public static let authRoleClaims = ConfigurationKey(
        "auth.role.claims",
        .list,
        default: "roles",
        help: "Claims that may hold the roles; the first one present decides. Dots lead into a claim, as in realm_access.roles."
    )
    /// Maximum token size in bytes.
    public static let authMaxTokenBytes = ConfigurationKey(
        "auth.max.token.bytes",
        .byteSize(1...(16 * 1024)),
        default: "16KiB",
        help: "The longest token that is looked at; the head of a request, through a proxy too, has room for 16KiB."
    )

    /// The longest life of a token, from its issue to its `exp`.
    public static let authMaxTokenLife = ConfigurationKey(
        "auth.max.token.life",
        .duration(.seconds(60) ... .seconds(3650 * 86_400)),
        default: "366d",
        help: "The longest life of the tokens that the issuer gives, from their issue to exp; a revocation is kept for as long."
    )

    // MARK: Edges

    /// Heartbeat interval of an idle connection; the default depends on the surface.
    public static let heartbeatInterval = ConfigurationKey(
        "heartbeat.interval",
        .duration(.milliseconds(50) ... .seconds(3600)),
        default: "30s",
        help: "How often a quiet connection gets a sign of life."
    )
    /// Drain window: the time over which a stopping process closes its connections.
    public static let drainWindow = ConfigurationKey(
        "drain.window",
        .duration(.zero ... .seconds(3600)),
        default: "20s",
        help: "Over how long a stopping process says goodbye to its connections."
    )
    /// Maximum number of streams of the process.
    public static let maxConnections = ConfigurationKey(
        "max.connections",
        .integer(0...10_000_000),
        default: "0",
        help: "The most open streams of this process; 0, and anything beyond it, takes what the open-file limit has room for."
    )
    /// Maximum number of streams per tenant.
    public static let maxConnectionsPerTenant = ConfigurationKey(
        optional: "max.connections.per.tenant",
        .integer(0...10_000_000),
        help:
            "The most open streams of one tenant on this process; 0 sets no limit. Unless set: half of MAX_CONNECTIONS, or of what the open-file limit has room for."
    )
    /// Allowed origins besides the deployment's own.
    public static let corsOrigins = ConfigurationKey(
        "cors.origins",
        .list,
        default: "",
        help: "Origins whose pages may use this service beside the deployment's own, such as https://app.example.com; * for any."
    )
    /// The networks whose `X-Forwarded-For` is believed.
    public static let trustedProxies = ConfigurationKey(
        "trusted.proxies",
        .list,
        default: TrustedProxies.defaultNetworks.joined(separator: ","),
        help: "Networks of the proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8; that of other peers is ignored."
    )
    /// Requests of a tenant per minute.
    public static let rateLimit = ConfigurationKey(
        "rate.limit",
        .integer(0...1_000_000_000),
        default: "6000",
        help: "Sustained requests per minute that this process accepts from each tenant; beyond that 429. 0 for no limit."
    )
    /// Requests of a tenant at once.
    public static let rateBurst = ConfigurationKey(
        "rate.burst",
        .integer(0...1_000_000_000),
        default: "1000",
        help: "Maximum burst of requests of a tenant; 0 for the requests that rate.limit allows per minute."
    )
    /// Number of delivery loops.
    public static let deliveryLoops = ConfigurationKey(
        "delivery.loops",
        .integer(0...1024),
        default: "0",
        help: "Delivery threads; 0 takes one for each core."
    )

    // MARK: Logging

    /// Minimum level of log lines.
    public static let logLevel = ConfigurationKey<Logger.Level>(
        "log.level",
        .choice,
        default: "info",
        help: "The least important entries that are logged."
    )
    /// Format of log lines.
    public static let logFormat = ConfigurationKey<LogFormat>(
        "log.format",
        .choice,
        default: "json",
        help: "One JSON object a line, or text for people."
    )

    private static func optionalText(_ name: String, _ help: String) -> ConfigurationKey<String?> {
        ConfigurationKey(optional: name, .text, help: help)
    }

    private static func optionalFile(_ format: ValueFormat<String>, _ name: String, _ help: String) -> ConfigurationKey<String?> {
        ConfigurationKey(optional: name, format, help: help)
    }

    private static func secret(_ name: String, _ help: String) -> ConfigurationKey<String?> {
        ConfigurationKey(optional: name, .text, isSecret: true, help: help)
    }
}

extension [AnyConfigurationKey] {
    /// The public listener and the one for health and metrics, with the program's ports.
    public static func listeners(httpPort: Int, adminPort: Int) -> [AnyConfigurationKey] {
        [.httpHost, .httpPort.defaulting(to: "\(httpPort)"), .httpBodyTimeout, .adminHost, .adminPort.defaulting(to: "\(adminPort)")]
    }

    /// Connection to the bus.
    public static let nats: [AnyConfigurationKey] = [
        .natsURL, .natsCredentialsFile, .natsNKeySeedFile, .natsUser, .natsPassword, .natsTLSCAFile, .natsTLSCertificateFile,
        .natsTLSKeyFile,
    ]

    /// Limits of the event log.
    public static let eventLog: [AnyConfigurationKey] = [
        .eventLogReplicas, .eventLogMaxAge, .eventLogMaxBytes, .eventLogStorage, .approvalsMaxAge, .approvalsMaxBytes,
    ]

    /// Accepted tokens.
    public static let accessControl: [AnyConfigurationKey] = [
        .authHS256Secret, .authHS256SecretPrevious, .authPublicKeyFile, .authJWKSFile, .authJWKSURL, .authIssuer, .authAudience,
        .authTenantClaims, .authRoleClaims, .authMaxTokenBytes, .authMaxTokenLife,
    ]

    /// Limits of an edge's connections; `heartbeat` is the surface's default (`30s`, `5s`, …).
    public static func edge(heartbeat: String) -> [AnyConfigurationKey] {
        [
            .heartbeatInterval.defaulting(to: heartbeat), .drainWindow, .maxConnections, .maxConnectionsPerTenant, .corsOrigins,
            .trustedProxies, .deliveryLoops,
        ]
    }

    /// Requests of each tenant, see ``RateLimit``.
    public static let rateLimits: [AnyConfigurationKey] = [.rateLimit, .rateBurst]

    /// Level and format of the log.
    public static let logging: [AnyConfigurationKey] = [.logLevel, .logFormat]
}
