import Testing

@testable import ServiceKit

@Suite struct ConfigurationKeyTests {
    /// The names that the design promises to operators.
    @Test(arguments: [
        (ConfigurationKey.httpHost, "HTTP_HOST", "--http-host"), (.httpPort, "HTTP_PORT", "--http-port"),
        (.adminHost, "ADMIN_HOST", "--admin-host"), (.adminPort, "ADMIN_PORT", "--admin-port"), (.natsURL, "NATS_URL", "--nats-url"),
        (.natsCredentialsFile, "NATS_CREDENTIALS_FILE", "--nats-credentials-file"),
        (.natsNKeySeedFile, "NATS_NKEY_SEED_FILE", "--nats-nkey-seed-file"), (.natsUser, "NATS_USER", "--nats-user"),
        (.natsPassword, "NATS_PASSWORD", "--nats-password"), (.natsTLSCAFile, "NATS_TLS_CA_FILE", "--nats-tls-ca-file"),
        (.natsTLSCertificateFile, "NATS_TLS_CERT_FILE", "--nats-tls-cert-file"),
        (.natsTLSKeyFile, "NATS_TLS_KEY_FILE", "--nats-tls-key-file"), (.logReplicas, "LOG_REPLICAS", "--log-replicas"),
        (.logMaxAge, "LOG_MAX_AGE", "--log-max-age"), (.logMaxBytes, "LOG_MAX_BYTES", "--log-max-bytes"),
        (.logStorage, "LOG_STORAGE", "--log-storage"), (.authHS256Secret, "AUTH_HS256_SECRET", "--auth-hs256-secret"),
        (.authPublicKeyFile, "AUTH_PUBLIC_KEY_FILE", "--auth-public-key-file"), (.authJWKSFile, "AUTH_JWKS_FILE", "--auth-jwks-file"),
        (.authJWKSURL, "AUTH_JWKS_URL", "--auth-jwks-url"), (.authIssuer, "AUTH_ISSUER", "--auth-issuer"),
        (.authAudience, "AUTH_AUDIENCE", "--auth-audience"), (.authTenantClaims, "AUTH_TENANT_CLAIMS", "--auth-tenant-claims"),
        (.heartbeatInterval, "HEARTBEAT_INTERVAL", "--heartbeat-interval"), (.drainWindow, "DRAIN_WINDOW", "--drain-window"),
        (.maxConnections, "MAX_CONNECTIONS", "--max-connections"),
        (.maxConnectionsPerTenant, "MAX_CONNECTIONS_PER_TENANT", "--max-connections-per-tenant"),
        (.corsOrigins, "CORS_ORIGINS", "--cors-origins"), (.deliveryLoops, "DELIVERY_LOOPS", "--delivery-loops"),
        (.logLevel, "LOG_LEVEL", "--log-level"), (.logFormat, "LOG_FORMAT", "--log-format"),
    ])
    func hasOneNameEverywhere(_ key: ConfigurationKey, environment: String, option: String) {
        #expect(key.environmentName == environment)
        #expect(key.option == option)
    }

    @Test func onlySecretsHaveAFileCompanion() {
        #expect(ConfigurationKey.authHS256Secret.fileCompanion?.environmentName == "AUTH_HS256_SECRET_FILE")
        #expect(ConfigurationKey.natsPassword.fileCompanion?.option == "--nats-password-file")
        #expect(ConfigurationKey.httpPort.fileCompanion == nil)
    }

    @Test(arguments: [
        (ConfigurationKey.Kind.text, "", ConfigurationValue.text("")), (.text, " a b ", .text(" a b ")),
        (.integer(1...5), " 5 ", .integer(5)),
        (.number(0...1), "0.25", .number(0.25)), (.boolean, "YES", .boolean(true)), (.boolean, "off", .boolean(false)),
        (.duration(.zero ... .seconds(9)), "1s", .duration(.seconds(1))), (.byteSize(0...4096), "4KiB", .byteSize(4096)),
        (.list, "a, b,,c ", .list(["a", "b", "c"])), (.list, "", .list([])), (.choice(["json", "text"]), "JSON", .text("json")),
    ])
    func reads(_ kind: ConfigurationKey.Kind, _ text: String, _ value: ConfigurationValue) {
        #expect(kind.parse(.text(text)) == value)
    }

    @Test(arguments: [
        (ConfigurationKey.Kind.text, "a\0b"), (.integer(1...5), "0"), (.integer(1...5), "6"), (.integer(1...5), "1.0"),
        (.integer(1...5), ""),
        (.integer(1...5), "99999999999999999999"), (.number(0...1), "1.1"), (.number(0...1), "nan"), (.boolean, "maybe"), (.boolean, ""),
        (.duration(.seconds(1) ... .seconds(9)), "999ms"), (.duration(.seconds(1) ... .seconds(9)), "10s"), (.byteSize(0...4096), "5KiB"),
        (.choice(["json", "text"]), "yaml"),
    ])
    func refuses(_ kind: ConfigurationKey.Kind, _ text: String) {
        #expect(kind.parse(.text(text)) == nil)
    }

    @Test func onlyListsTakeSequences() {
        #expect(ConfigurationKey.Kind.list.parse(.items([" a,b ", ""])) == .list(["a,b"]))
        #expect(ConfigurationKey.Kind.text.parse(.items(["a"])) == nil)
    }
}
