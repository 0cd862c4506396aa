import AccessControl
import Basics
import HTTPAPI
import ServiceKit
import Synchronization
import TestKit
import Testing

@testable import approval_api

@Suite("Settings of security events") struct SecurityEventSettingsTests {
    private static let complete = [
        "AUTH_HS256_SECRET": "x", "SECURITY_EVENTS_ISSUER": "https://id.example", "SECURITY_EVENTS_AUDIENCE": "causeway",
        "SECURITY_EVENTS_JWKS_URL": "https://id.example/keys",
    ]

    private func configuration(_ changes: [String: String?]) throws -> SecurityEventConfiguration? {
        var environment = Self.complete
        for (name, value) in changes { environment[name] = value }
        return try Settings(schema: App.schema, environment: environment).securityEventConfiguration()
    }

    @Test func noneAreAcceptedUnlessConfigured() throws {
        #expect(try Settings(schema: App.schema, environment: ["AUTH_HS256_SECRET": "x"]).securityEventConfiguration() == nil)
    }

    @Test func theyAreAcceptedAsSet() throws {
        let found = try configuration([
            "AUTH_ISSUER": "https://tokens.example", "AUTH_TENANT_CLAIMS": "team", "AUTH_MAX_TOKEN_LIFE": "1h",
            "SECURITY_EVENTS_TENANT": "acme", "SECURITY_EVENTS_BEARER_TOKEN": "s3cr3t", "SECURITY_EVENTS_JWKS_FILE": "/jwks",
            "SECURITY_EVENTS_PUBLIC_KEY_FILE": "/pem",
        ])
        let configuration = try #require(found)
        #expect(configuration.tokens.issuer == "https://id.example")
        #expect(configuration.tokens.audience == "causeway")
        #expect(configuration.tokens.jwksURL == "https://id.example/keys")
        #expect(configuration.tokens.files == ["/pem", "/jwks"])
        #expect(configuration.tokens.tenantClaims == ["team"])
        #expect(configuration.tokens.hs256Secret == nil)
        #expect(configuration.userIssuers == ["https://tokens.example"])
        #expect(configuration.tenant == "acme")
        #expect(configuration.bearerToken == "s3cr3t")
        #expect(configuration.maximumTokenLife == .seconds(3600))
    }

    @Test(
        arguments: [
            ("SECURITY_EVENTS_ISSUER", nil, "SECURITY_EVENTS_ISSUER"), ("SECURITY_EVENTS_AUDIENCE", nil, "SECURITY_EVENTS_AUDIENCE"),
            ("SECURITY_EVENTS_AUDIENCE", "", "SECURITY_EVENTS_AUDIENCE"),
            ("SECURITY_EVENTS_JWKS_URL", nil, "SECURITY_EVENTS_PUBLIC_KEY_FILE"),
            ("SECURITY_EVENTS_TENANT", "a\u{1}", "SECURITY_EVENTS_TENANT"),
        ] as [(String, String?, String)]
    )
    func aPartIsRefused(_ variable: String, _ value: String?, named: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try configuration([variable: value]) }
        #expect(error?.message.contains(named) == true && error?.exitCode == .configuration, "\(error?.message ?? "")")
    }
}

@Suite("Share of security events") struct SecurityEventShareTests {
    private let known = Revocations(isRead: true)

    private func revocation(of tenant: Tenant, before time: Int64 = 1) -> Revocation {
        Revocation(tenant: tenant, target: .user("ann", issuedBefore: time), expiresAt: 1000)
    }

    @Test func tenantsHaveTheirOwnAndAllTogetherABound() throws {
        let time = Mutex(Duration.zero)
        let share = SecurityEventShare(perSecond: 1, burst: 2, totalPerSecond: 1, totalBurst: 3) { time.withLock { $0 } }
        func admit(_ tenant: Tenant) throws { try share.admit(revocation(of: tenant), knowing: known) }
        try admit("acme")
        try admit("acme")
        #expect(throws: APIError.self) { try admit("acme") }
        try admit("globex")
        #expect(throws: APIError.self) { try admit("globex") }
        time.withLock { $0 = .seconds(1) }
        try admit("acme")
        #expect(throws: APIError.self) { try admit("globex") }
    }

    /// A token has no end: everybody who has seen it can send it again and again.
    @Test func repetitionsTakeNothingOfTheShareOfOthers() throws {
        let share = SecurityEventShare(perSecond: 1, burst: 2, totalPerSecond: 1, totalBurst: 3) { .zero }
        for tenant in ["acme", "globex"] as [Tenant] { known.add(revocation(of: tenant)) }
        for tenant in ["acme", "acme", "globex"] as [Tenant] { try share.admit(revocation(of: tenant), knowing: known) }
        for tenant in ["acme", "globex"] as [Tenant] {
            #expect(throws: APIError.self) { try share.admit(revocation(of: tenant), knowing: known) }
            try share.admit(revocation(of: tenant, before: 2), knowing: known)
        }
        try share.admit(revocation(of: "acme", before: 2), knowing: known)
        #expect(throws: APIError.self) { try share.admit(revocation(of: "globex", before: 2), knowing: known) }
    }
}
