import AccessControl
import Basics
import EventLog
import NATSClient
import TestKit
import Testing

@testable import ServiceKit

@Suite struct SettingsBuilderTests {
    @Test func theBusIsReachedAsSet() throws {
        let plain = try Settings().natsConfiguration(name: "edge")
        #expect(plain.servers == ["nats://127.0.0.1:4222"])
        #expect(plain.name == "edge")
        #expect(plain.tls == nil)
        guard case .none = plain.authentication else {
            Issue.record("authenticates as \(plain.authentication)")
            return
        }
        let secured = try Settings(
            environment: [
                "NATS_URL": "tls://one:4222,tls://two:4222", "NATS_TLS_CA_FILE": "/ca", "NATS_TLS_CERT_FILE": "/cert",
                "NATS_TLS_KEY_FILE": "/key",
                "NATS_USER": "me", "NATS_PASSWORD": "s3cr3t",
            ]
        ).natsConfiguration(name: "edge")
        #expect(secured.servers == ["tls://one:4222", "tls://two:4222"])
        #expect(secured.tls == NATSConfiguration.TLS(caFile: "/ca", certificateFile: "/cert", keyFile: "/key"))
        guard case .userPassword("me", "s3cr3t") = secured.authentication else {
            Issue.record("authenticates as \(secured.authentication)")
            return
        }
    }

    @Test func privateNetworksAreTrustedAsProxiesUnlessOthersAreNamed() throws {
        let (client, forwarded) = (ClientNetwork("192.0.2.7"), ["192.0.2.7"])
        let usual = try Settings().trustedProxies()
        for proxy in ["127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "fd00::1", "::ffff:127.0.0.1"] {
            #expect(usual.client(of: proxy, forwarded: forwarded) == client, "\(proxy)")
        }
        for other in ["198.51.100.7", "172.32.0.1", "2001:db8::1"] {
            #expect(usual.client(of: other, forwarded: forwarded) == ClientNetwork(other), "\(other)")
        }
        let named = try Settings(environment: ["TRUSTED_PROXIES": "198.51.100.0/24, 2001:db8::1"]).trustedProxies()
        #expect(named.client(of: "198.51.100.7", forwarded: forwarded) == client)
        #expect(named.client(of: "127.0.0.1", forwarded: forwarded) == ClientNetwork("127.0.0.1"))
    }

    @Test(arguments: ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"]) func whatIsNoNetworkIsNoTrustedProxy(_ text: String) throws {
        let settings = try Settings(environment: ["TRUSTED_PROXIES": "127.0.0.1,\(text)"])
        let error = #expect(throws: ConfigurationError.self) { try settings.trustedProxies() }
        #expect(error?.message.hasPrefix("TRUSTED_PROXIES: has ") == true && error?.message.contains(text) == true)
    }

    @Test func theBusTakesCredentialFiles() throws {
        guard
            case .credentialsFile("/x.creds") = try Settings(environment: ["NATS_CREDENTIALS_FILE": "/x.creds"]).natsConfiguration(name: "")
                .authentication,
            case .nkeySeedFile("/x.nk") = try Settings(environment: ["NATS_NKEY_SEED_FILE": "/x.nk"]).natsConfiguration(name: "")
                .authentication
        else {
            Issue.record("another authentication")
            return
        }
        #expect(
            try Settings(environment: ["NATS_TLS_CA_FILE": "/ca"]).natsConfiguration(name: "").tls == NATSConfiguration.TLS(caFile: "/ca")
        )
    }

    @Test(arguments: [
        (["NATS_USER": "me"], "NATS_USER is set without NATS_PASSWORD: set both or neither"),
        (["NATS_PASSWORD": "s3cr3t"], "NATS_PASSWORD is set without NATS_USER: set both or neither"),
        (["NATS_TLS_CERT_FILE": "/c"], "NATS_TLS_CERT_FILE is set without NATS_TLS_KEY_FILE: set both or neither"),
        (["NATS_TLS_KEY_FILE": "/k"], "NATS_TLS_KEY_FILE is set without NATS_TLS_CERT_FILE: set both or neither"),
        (
            ["NATS_CREDENTIALS_FILE": "/c", "NATS_USER": "me", "NATS_PASSWORD": "x"],
            "NATS_CREDENTIALS_FILE and NATS_USER are set together: choose one way to authenticate at the NATS servers"
        ),
        (["NATS_URL": " , "], "NATS_URL names no server: set it to nats://host:port, or to several with commas"),
    ])
    func aBusThatCannotBeMeantIsRefused(_ environment: [String: String], _ message: String) throws {
        let settings = try Settings(environment: environment)
        #expect(throws: ConfigurationError(message, exitCode: .configuration)) { try settings.natsConfiguration(name: "") }
    }

    @Test func tokensAreAcceptedAsSet() throws {
        let configuration = try Settings(
            environment: [
                "AUTH_HS256_SECRET": "s3cr3t", "AUTH_HS256_SECRET_PREVIOUS": "0ld", "AUTH_PUBLIC_KEY_FILE": "/pem",
                "AUTH_JWKS_FILE": "/jwks", "AUTH_JWKS_URL": "https://keys", "AUTH_ISSUER": "iss", "AUTH_AUDIENCE": "aud",
                "AUTH_TENANT_CLAIMS": "team, org", "AUTH_ROLE_CLAIMS": "https://example.com/roles,realm_access.roles",
            ]
        ).accessControlConfiguration()
        #expect(configuration.hs256Secret == "s3cr3t")
        #expect(configuration.hs256PreviousSecret == "0ld")
        #expect(configuration.publicKeyFile == "/pem")
        #expect(configuration.jwksFile == "/jwks")
        #expect(configuration.jwksURL == "https://keys")
        #expect(configuration.issuer == "iss")
        #expect(configuration.audience == "aud")
        #expect(configuration.tenantClaims == ["team", "org"])
        #expect(configuration.roleClaims == ["https://example.com/roles", "realm_access.roles"])
    }

    @Test(arguments: ["AUTH_HS256_SECRET", "AUTH_PUBLIC_KEY_FILE", "AUTH_JWKS_FILE", "AUTH_JWKS_URL"])
    func oneSourceOfKeysIsEnough(_ variable: String) throws {
        #expect(try Settings(environment: [variable: "x"]).accessControlConfiguration().hasKeySource)
    }

    @Test func secretsInFilesAreReadByTheAuthenticator() throws {
        let directory = try TemporaryDirectory()
        let (secret, previous) = (try directory.write("s3cr3t", to: "secret"), try directory.write("0ld", to: "previous"))
        let configuration = try Settings(
            environment: ["AUTH_HS256_SECRET_FILE": secret, "AUTH_HS256_SECRET_PREVIOUS_FILE": previous]
        ).accessControlConfiguration()
        #expect(configuration.hs256Secret == nil && configuration.hs256PreviousSecret == nil)
        #expect(configuration.files == [secret, previous])
    }

    @Test func aPreviousSecretNeedsACurrentOne() throws {
        let settings = try Settings(environment: ["AUTH_HS256_SECRET_PREVIOUS": "x", "AUTH_JWKS_FILE": "/jwks"])
        #expect(
            throws: ConfigurationError(
                "AUTH_HS256_SECRET_PREVIOUS is set without AUTH_HS256_SECRET: set both, or the latter alone",
                exitCode: .configuration
            )
        ) {
            try settings.accessControlConfiguration()
        }
    }

    @Test(arguments: ["AUTH_TENANT_CLAIMS", "AUTH_ROLE_CLAIMS"])
    func claimsForTenantAndRolesAreNeeded(_ variable: String) throws {
        let settings = try Settings(environment: ["AUTH_HS256_SECRET": "x", variable: ","])
        #expect(throws: ConfigurationError("\(variable) names no claim: set it to one or more, with commas", exitCode: .configuration)) {
            try settings.accessControlConfiguration()
        }
    }

    @Test func theLogIsKeptAsSet() throws {
        #expect(try Settings().eventLogConfiguration() == EventLogConfiguration())
        let configuration = try Settings(
            environment: ["EVENT_LOG_REPLICAS": "3", "EVENT_LOG_MAX_AGE": "0", "EVENT_LOG_MAX_BYTES": "0", "EVENT_LOG_STORAGE": "memory"]
        ).eventLogConfiguration()
        #expect(configuration.replicas == 3)
        #expect(configuration.maxAge == nil)
        #expect(configuration.maxBytes == nil)
        #expect(configuration.storage == .memory)
    }
}
