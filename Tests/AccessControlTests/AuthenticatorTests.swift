import Crypto
import CryptoExtras
import Foundation
import Logging
import TestKit
import Testing

@testable import AccessControl

/// Authenticators for every ``Setup``, made once: tests only read them.
private struct Authenticators: Sendable {
    static let shared = Task { try await Authenticators() }

    private var bySetup: [Setup: Authenticator] = [:]

    private init() async throws {
        let keys = try TestKeys.shared.get()
        let directory = try TemporaryDirectory()
        for setup in Setup.allCases {
            let configuration = try Self.configuration(setup, keys, directory)
            bySetup[setup] = try await Authenticator(configuration: configuration, logger: Logger(label: "test"), now: TestClock().now)
        }
    }

    subscript(setup: Setup) -> Authenticator {
        get throws { try #require(bySetup[setup]) }
    }

    private static func configuration(_ setup: Setup, _ keys: TestKeys, _ directory: borrowing TemporaryDirectory) throws
        -> AccessControlConfiguration
    {
        var configuration = AccessControlConfiguration()
        switch setup {
        case .hs256: configuration.hs256Secret = keys.secret
        case .hs384: configuration = AccessControlConfiguration(hs256Secret: keys.secret, algorithm: .hs384)
        case .hs512: configuration = AccessControlConfiguration(hs256Secret: keys.secret, algorithm: .hs512)
        case .rs256: configuration.publicKeyFile = try directory.file("rsa.pem", keys.rsa.publicKey.pemRepresentation)
        case .ps256:
            configuration.publicKeyFile = try directory.file("pss.pem", keys.rsa.publicKey.pemRepresentation)
            configuration.rsaAlgorithm = .ps256
        case .es256: configuration.publicKeyFile = try directory.file("p256.pem", keys.p256.publicKey.pemRepresentation)
        case .es384: configuration.publicKeyFile = try directory.file("p384.pem", keys.p384.publicKey.pemRepresentation)
        case .edDSA: configuration.publicKeyFile = try directory.file("ed25519.pem", keys.ed25519.publicKey.pemRepresentation)
        case .keySet: configuration.jwksFile = try directory.file("jwks.json", try keySet(keys))
        case .restricted:
            configuration.hs256Secret = keys.secret
            configuration.issuer = "https://id.example"
            configuration.audience = "causeway"
        case .otherRoles:
            configuration.hs256Secret = keys.secret
            configuration.roleClaims = ["https://example.com/roles", "realm_access.roles", "roles"]
        case .lenientExpiry:
            configuration.hs256Secret = keys.secret
            configuration.expiryLeeway = .seconds(5)
            configuration.tenantClaims = ["team", "tenant_id"]
        }
        return configuration
    }

    private static func keySet(_ keys: TestKeys) throws -> Data {
        var encryption = try JWKForge.rsa(keys.rsa, kid: "enc", alg: "RS256")
        encryption["use"] = "enc"
        return try JWKForge.set([
            JWKForge.rsa(keys.rsa, kid: "rs", alg: nil),
            JWKForge.rsa(keys.rsa, kid: "ps", alg: "PS256"),
            JWKForge.rsa(keys.rsa, kid: "rs512", alg: "RS512"),
            JWKForge.p256(keys.p256, kid: "es", alg: "ES256"),
            JWKForge.p384(keys.p384, kid: "es384"),
            JWKForge.ed25519(keys.ed25519, kid: "ed", alg: "EdDSA"),
            JWKForge.secret(keys.secretBytes, kid: "oct", alg: "HS384"),
            encryption,
            ["kty": "future", "kid": "x"],
        ])
    }
}

@Suite("Authenticator")
struct AuthenticatorTests {
    @Test("Every rule of contract §1", arguments: TokenCase.all)
    func token(_ tokenCase: TokenCase) async throws {
        let token = try tokenCase.token(try TestKeys.shared.get())
        let authenticator = try await Authenticators.shared.value[tokenCase.setup]
        // Twice, because the second time the answer may come from the cache.
        for _ in 1...2 {
            #expect((authenticator.authenticateAtOnce(token) != nil) == (tokenCase.expected == nil))
            do throws(AuthenticationError) {
                let principal = try await authenticator.authenticate(token)
                #expect(tokenCase.expected == nil)
                #expect(tokenCase.check(principal))
            } catch {
                #expect(error.reason == tokenCase.expected)
                expectSafe(error, token: token)
            }
        }
    }

    @Test func aCachedTokenEndsAtItsExpiryToTheMillisecond() async throws {
        let clock = TestClock()
        let authenticator = try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: try TestKeys.shared.get().secret),
            logger: Logger(label: "test"),
            now: clock.now
        )
        let token = try TokenCase(name: "", claims: ["exp": "\(TestClock.start + 10).25"]).token(try TestKeys.shared.get())
        clock.advance(by: .milliseconds(10_249))
        #expect(try await authenticator.authenticate(token).user == "u-1")
        clock.advance(by: .milliseconds(1))
        await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(token) }
    }

    @Test func aTokenWithoutAKeyIDIsNotTriedAgainstManyKeys() async throws {
        let keys = try TestKeys.shared.get()
        let directory = try TemporaryDirectory()
        let many = (0...KeySet.maximumTrials).map { JWKForge.p256($0 == 0 ? keys.p256 : .init(), kid: "k\($0)") }
        var configuration = AccessControlConfiguration()
        configuration.jwksFile = try directory.file("jwks.json", try JWKForge.set(many))
        let authenticator = try await Authenticator(configuration: configuration, logger: Logger(label: "test"), now: TestClock().now)
        let anonymous = TokenCase(name: "", header: #"{"alg":"ES256"}"#, signer: { .es256($0.p256) })
        let named = TokenCase(name: "", header: #"{"alg":"ES256","kid":"k0"}"#, signer: { .es256($0.p256) })
        let error = await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(try anonymous.token(keys)) }
        #expect(error?.reason == .unknownKey)
        #expect(try await authenticator.authenticate(try named.token(keys)).tenant == "acme")
    }

    @Test("A short secret is the same key for everybody", arguments: ["s", "dev-secret", "exactly thirty-two bytes, really!"])
    func shortSecret(_ secret: String) async throws {
        let authenticator = try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: secret),
            logger: Logger(label: "test"),
            now: TestClock().now
        )
        let token = try TokenCase(name: "", signer: { _ in .hmac256(Data(secret.utf8)) }).token(try TestKeys.shared.get())
        #expect(try await authenticator.authenticate(token).user == "u-1")
    }

    @Test func manyTasksAtOnceGetTheSameAnswer() async throws {
        let keys = try TestKeys.shared.get()
        let authenticator = try await Authenticators.shared.value[.es256]
        let token = try TokenCase(name: "", header: #"{"alg":"ES256"}"#, signer: { .es256($0.p256) }).token(keys)
        let principals = try await withThrowingTaskGroup(of: Principal.self) { group in
            for _ in 0..<200 { group.addTask { try await authenticator.authenticate(token) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(principals.count == 1)
    }

    /// Nothing of the token may be in what a person or a log gets to see.
    private func expectSafe(_ error: AuthenticationError, token: String) {
        #expect(error.message.hasSuffix("."))
        for part in token.split(separator: ".") where part.count > 8 {
            #expect(!error.description.contains(part.prefix(8)))
        }
        #expect(!error.message.contains("acme") && !error.message.contains("u-1"))
    }
}
