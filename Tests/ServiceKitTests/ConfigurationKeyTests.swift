import Testing

@testable import ServiceKit

@Suite struct ConfigurationKeyTests {
    /// The names that the design promises to operators.
    @Test(
        arguments: [
            (.httpHost, "HTTP_HOST", "--http-host"), (.httpPort, "HTTP_PORT", "--http-port"),
            (.adminHost, "ADMIN_HOST", "--admin-host"), (.adminPort, "ADMIN_PORT", "--admin-port"), (.natsURL, "NATS_URL", "--nats-url"),
            (.natsCredentialsFile, "NATS_CREDENTIALS_FILE", "--nats-credentials-file"),
            (.natsNKeySeedFile, "NATS_NKEY_SEED_FILE", "--nats-nkey-seed-file"), (.natsUser, "NATS_USER", "--nats-user"),
            (.natsPassword, "NATS_PASSWORD", "--nats-password"), (.natsTLSCAFile, "NATS_TLS_CA_FILE", "--nats-tls-ca-file"),
            (.natsTLSCertificateFile, "NATS_TLS_CERT_FILE", "--nats-tls-cert-file"),
            (.natsTLSKeyFile, "NATS_TLS_KEY_FILE", "--nats-tls-key-file"),
            (.eventLogReplicas, "EVENT_LOG_REPLICAS", "--event-log-replicas"),
            (.eventLogMaxAge, "EVENT_LOG_MAX_AGE", "--event-log-max-age"),
            (.eventLogMaxBytes, "EVENT_LOG_MAX_BYTES", "--event-log-max-bytes"),
            (.eventLogStorage, "EVENT_LOG_STORAGE", "--event-log-storage"), (.authHS256Secret, "AUTH_HS256_SECRET", "--auth-hs256-secret"),
            (.authHS256SecretPrevious, "AUTH_HS256_SECRET_PREVIOUS", "--auth-hs256-secret-previous"),
            (.authPublicKeyFile, "AUTH_PUBLIC_KEY_FILE", "--auth-public-key-file"), (.authJWKSFile, "AUTH_JWKS_FILE", "--auth-jwks-file"),
            (.authJWKSURL, "AUTH_JWKS_URL", "--auth-jwks-url"), (.authIssuer, "AUTH_ISSUER", "--auth-issuer"),
            (.authAudience, "AUTH_AUDIENCE", "--auth-audience"), (.authTenantClaims, "AUTH_TENANT_CLAIMS", "--auth-tenant-claims"),
            (.authRoleClaims, "AUTH_ROLE_CLAIMS", "--auth-role-claims"),
            (.heartbeatInterval, "HEARTBEAT_INTERVAL", "--heartbeat-interval"), (.drainWindow, "DRAIN_WINDOW", "--drain-window"),
            (.maxConnections, "MAX_CONNECTIONS", "--max-connections"),
            (.maxConnectionsPerTenant, "MAX_CONNECTIONS_PER_TENANT", "--max-connections-per-tenant"),
            (.corsOrigins, "CORS_ORIGINS", "--cors-origins"), (.trustedProxies, "TRUSTED_PROXIES", "--trusted-proxies"),
            (.deliveryLoops, "DELIVERY_LOOPS", "--delivery-loops"),
            (.logLevel, "LOG_LEVEL", "--log-level"), (.logFormat, "LOG_FORMAT", "--log-format"),
            (.otlpEndpoint, "OTEL_EXPORTER_OTLP_ENDPOINT", "--otel-exporter-otlp-endpoint"),
            (.otlpHeaders, "OTEL_EXPORTER_OTLP_HEADERS", "--otel-exporter-otlp-headers"),
        ] as [(AnyConfigurationKey, String, String)]
    )
    func hasOneNameEverywhere(_ key: AnyConfigurationKey, environment: String, option: String) {
        #expect(key.environmentName == environment)
        #expect(key.option == option)
    }

    @Test func theKeysOfTheEventLogHaveTheirFormerNames() {
        let keys: [AnyConfigurationKey] = [.eventLogReplicas, .eventLogMaxAge, .eventLogMaxBytes, .eventLogStorage]
        #expect(keys.map { $0.former?.environmentName } == ["LOG_REPLICAS", "LOG_MAX_AGE", "LOG_MAX_BYTES", "LOG_STORAGE"])
        #expect(AnyConfigurationKey.httpPort.defaulting(to: "1").former == nil)
        #expect(AnyConfigurationKey.eventLogReplicas.defaulting(to: "3").former?.option == "--log-replicas")
    }

    @Test func onlySecretsHaveAFileCompanion() {
        #expect(AnyConfigurationKey.authHS256Secret.fileCompanion?.environmentName == "AUTH_HS256_SECRET_FILE")
        #expect(AnyConfigurationKey.authHS256SecretPrevious.fileCompanion?.environmentName == "AUTH_HS256_SECRET_PREVIOUS_FILE")
        #expect(AnyConfigurationKey.natsPassword.fileCompanion?.option == "--nats-password-file")
        #expect(AnyConfigurationKey.httpPort.fileCompanion == nil)
    }

    /// What each format makes of a text, formatted again; nil for a refused text.
    @Test(
        arguments: [
            (ValueFormat.text.erased, " a b ", " a b "), (ValueFormat.text.erased, "", ""), (ValueFormat.integer(1...5).erased, " 5 ", "5"),
            (ValueFormat.number(0...1).erased, "0.25", "0.25"), (ValueFormat.boolean.erased, "YES", "true"),
            (ValueFormat.boolean.erased, "off", "false"), (ValueFormat.duration(.zero ... .seconds(9)).erased, "1000ms", "1s"),
            (ValueFormat.byteSize(0...4096).erased, "4096", "4KiB"), (ValueFormat.list.erased, "a, b,,c ", "a,b,c"),
            (ValueFormat.list.erased, "", ""), (ValueFormat<LogFormat>.choice.erased, "JSON", "json"),
        ] as [(AnyValueFormat, String, String)]
    )
    func reads(_ format: AnyValueFormat, _ text: String, _ shown: String) {
        #expect(format.parse(.text(text))?.text == shown)
    }

    @Test func valuesHaveTheTypeOfTheFormat() {
        #expect(ValueFormat.text.parse(.text(" a b ")) == " a b ")
        #expect(ValueFormat.integer(1...5).parse(.text(" 5 ")) == 5)
        #expect(ValueFormat.number(0...1).parse(.text("0.25")) == 0.25)
        #expect(ValueFormat.boolean.parse(.text("YES")) == true)
        #expect(ValueFormat.boolean.parse(.text("off")) == false)
        #expect(ValueFormat.duration(.zero ... .seconds(9)).parse(.text("1s")) == .seconds(1))
        #expect(ValueFormat.byteSize(0...4096).parse(.text("4KiB")) == 4096)
        #expect(ValueFormat.list.parse(.text("a, b,,c ")) == ["a", "b", "c"])
        #expect(ValueFormat.list.parse(.text("")) == [])
        #expect(ValueFormat<LogFormat>.choice.parse(.text("JSON")) == .json)
    }

    @Test(
        arguments: [
            (ValueFormat.text.erased, "a\0b"), (ValueFormat.integer(1...5).erased, "0"), (ValueFormat.integer(1...5).erased, "6"),
            (ValueFormat.integer(1...5).erased, "1.0"), (ValueFormat.integer(1...5).erased, ""),
            (ValueFormat.integer(1...5).erased, "99999999999999999999"), (ValueFormat.number(0...1).erased, "1.1"),
            (ValueFormat.number(0...1).erased, "nan"), (ValueFormat.boolean.erased, "maybe"), (ValueFormat.boolean.erased, ""),
            (ValueFormat.duration(.seconds(1) ... .seconds(9)).erased, "999ms"),
            (ValueFormat.duration(.seconds(1) ... .seconds(9)).erased, "10s"), (ValueFormat.byteSize(0...4096).erased, "5KiB"),
            (ValueFormat<LogFormat>.choice.erased, "yaml"),
        ] as [(AnyValueFormat, String)]
    )
    func refuses(_ format: AnyValueFormat, _ text: String) {
        #expect(format.parse(.text(text)) == nil)
    }

    @Test func onlyListsTakeSequences() {
        #expect(ValueFormat.list.parse(.items([" a,b ", ""])) == ["a,b"])
        #expect(ValueFormat.text.parse(.items(["a"])) == nil)
    }
}
