import Basics
import Crypto
import Foundation
import Logging
import TestKit
import Testing

@testable import AccessControl

/// One Security Event Token, and the expected result.
struct SecurityEventCase: Sendable, CustomTestStringConvertible {
    static let sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
    static let issuer = "https://id.example"
    static let life: Duration = .seconds(3600)

    let name: String
    var header = #"{"alg":"ES256","kid":"idp","typ":"secevent+jwt"}"#
    /// JSON values by claim, laid over ``standardClaims``; nil takes a claim away.
    var claims: [String: String?] = [:]
    /// The event; nil for the standard one.
    var event: String?
    var signer: (@Sendable (TestKeys) -> Signer) = { .es256($0.p256) }
    /// What happens to the token after it was signed.
    var tamper: (@Sendable (String) -> String) = { $0 }
    var tenant: Tenant?
    /// Nil when accepted.
    var expected: SecurityEventError.Code?
    /// Of an accepted one.
    var target: Revocation.Target?
    var of: Tenant = "acme"
    var ignored = 0

    var testDescription: String { name }

    static let now = TestClock.start
    static let time = now * 1000

    static let standardClaims: [String: String] = [
        "iss": "\"\(issuer)\"", "aud": #""causeway""#, "jti": #""set-1""#, "iat": "\(now)",
        "sub_id": complex(user: #"{"format":"iss_sub","iss":"\#(issuer)","sub":"ann"}"#),
    ]

    static func complex(user: String? = nil, session: String? = nil, tenant: String? = #"{"format":"opaque","id":"acme"}"#) -> String {
        let parts = [("user", user), ("session", session), ("tenant", tenant)].compactMap { name, part in part.map { "\"\(name)\":\($0)" } }
        return "{" + (["\"format\":\"complex\""] + parts).joined(separator: ",") + "}"
    }

    static func user(_ sub: String, iss: String = issuer) -> String { #"{"format":"iss_sub","iss":"\#(iss)","sub":"\#(sub)"}"# }

    func token(_ keys: TestKeys) throws -> String {
        var members = Self.standardClaims
        members["events"] = "{\"\(Self.sessionRevoked)\":\(event ?? "{\"event_timestamp\":\(Self.now - 5)}")}"
        for (name, value) in claims { members[name] = value }
        let body = "{" + members.map { "\"\($0)\":\($1)" }.sorted().joined(separator: ",") + "}"
        return tamper(try Forge.token(header: header, claims: body, signer: signer(keys)))
    }

    // MARK: Signatures and claims

    private static let ann = Revocation.Target.user("ann", issuedBefore: time - 4000)

    static let forms: [SecurityEventCase] = [
        SecurityEventCase(name: "as CAEP 1.0 has it", target: ann),
        SecurityEventCase(name: "RS256 of the same key set", header: header("RS256", kid: "rsa"), signer: { .rs256($0.rsa) }, target: ann),
        SecurityEventCase(name: "the type in its long form", header: header("ES256", typ: "application/secevent+jwt"), target: ann),
        SecurityEventCase(name: "the type in capitals", header: header("ES256", typ: "SECEVENT+JWT"), target: ann),
        SecurityEventCase(
            name: "slashes escaped, as PHP writes them",
            claims: ["events": "{\"\(sessionRevoked.replacing("/", with: "\\/"))\":{\"event_timestamp\":\(now - 5)}}"],
            target: ann
        ),
        SecurityEventCase(name: "several audiences", claims: ["aud": #"["other","causeway"]"#], target: ann),
        SecurityEventCase(name: "an access token", header: header("ES256", typ: "JWT"), expected: .invalidRequest),
        SecurityEventCase(name: "an access token by its type", header: header("ES256", typ: "at+jwt"), expected: .invalidRequest),
        SecurityEventCase(name: "no type", header: #"{"alg":"ES256","kid":"idp"}"#, expected: .invalidRequest),
        SecurityEventCase(
            name: "a type that is no text",
            header: #"{"alg":"ES256","kid":"idp","typ":["secevent+jwt"]}"#,
            expected: .invalidRequest
        ),
        SecurityEventCase(
            name: "a critical extension",
            header: #"{"alg":"ES256","typ":"secevent+jwt","crit":["x"]}"#,
            expected: .invalidRequest
        ),
        SecurityEventCase(name: "not a token", tamper: { _ in "events" }, expected: .invalidRequest),
        SecurityEventCase(name: "nothing", tamper: { _ in "" }, expected: .invalidRequest),
        SecurityEventCase(name: "a line break behind it", tamper: { $0 + "\n" }, expected: .invalidRequest),
        SecurityEventCase(
            name: "too long",
            claims: ["x": "\"" + String(repeating: "x", count: 16 * 1024) + "\""],
            expected: .invalidRequest
        ),
        SecurityEventCase(name: "signed by somebody else", signer: { .es256($0.otherP256) }, expected: .authenticationFailed),
        SecurityEventCase(name: "altered", tamper: { $0.replacing(".", with: ".e30.", maxReplacements: 1) }, expected: .invalidRequest),
        SecurityEventCase(name: "no signature", signer: { _ in .nobody }, expected: .authenticationFailed),
        SecurityEventCase(name: "an unknown key", header: header("ES256", kid: "other"), expected: .invalidKey),
        SecurityEventCase(
            name: "another algorithm than the key's",
            header: header("ES384"),
            signer: { .es384($0.p384) },
            expected: .invalidKey
        ),
        SecurityEventCase(
            name: "HMAC over the public key",
            header: header("HS256"),
            signer: { .hmac256($0.p256.publicKey.rawRepresentation) },
            expected: .invalidKey
        ),
        SecurityEventCase(name: "alg none", header: header("none"), signer: { _ in .nobody }, expected: .invalidKey),
        SecurityEventCase(name: "another issuer", claims: ["iss": #""https://other.example""#], expected: .invalidIssuer),
        SecurityEventCase(name: "no issuer", claims: ["iss": nil], expected: .invalidIssuer),
        SecurityEventCase(name: "another audience", claims: ["aud": #""other""#], expected: .invalidAudience),
        SecurityEventCase(name: "no audience", claims: ["aud": nil], expected: .invalidAudience),
        SecurityEventCase(name: "an expiry", claims: ["exp": "\(now + 60)"], expected: .invalidRequest),
        SecurityEventCase(name: "no jti", claims: ["jti": nil], expected: .invalidRequest),
        SecurityEventCase(name: "an empty jti", claims: ["jti": "\"\""], expected: .invalidRequest),
        SecurityEventCase(name: "no iat", claims: ["iat": nil], expected: .invalidRequest),
        SecurityEventCase(name: "iat as text", claims: ["iat": "\"today\""], expected: .invalidRequest),
        SecurityEventCase(name: "a member twice", claims: ["x": #"{"a":1,"a":2}"#], expected: .invalidRequest),
        SecurityEventCase(name: "no events", claims: ["events": nil], expected: .invalidRequest),
        SecurityEventCase(name: "an empty object of events", claims: ["events": "{}"], expected: .invalidRequest),
        SecurityEventCase(name: "a list of events", claims: ["events": "[]"], expected: .invalidRequest),
        SecurityEventCase(name: "an event that is no object", event: "true", expected: .invalidRequest),
        SecurityEventCase(name: "an event of another type", claims: ["events": #"{"https://x.example/y":7}"#, "sub_id": "7"], ignored: 1),
        SecurityEventCase(
            name: "several events",
            claims: ["events": #"{"a":{},"\#(sessionRevoked)":{},"b":{}}"#],
            target: .user("ann", issuedBefore: time + 1000),
            ignored: 2
        ),
    ]

    private static func header(_ alg: String, kid: String = "idp", typ: String = "secevent+jwt") -> String {
        #"{"alg":"\#(alg)","kid":"\#(kid)","typ":"\#(typ)"}"#
    }

    // MARK: Times

    static let times: [SecurityEventCase] = [
        SecurityEventCase(name: "iat where the event has no time", event: "{}", target: .user("ann", issuedBefore: time + 1000)),
        SecurityEventCase(
            name: "a fraction",
            event: #"{"event_timestamp":\#(now - 1).25}"#,
            target: .user("ann", issuedBefore: time - 750)
        ),
        SecurityEventCase(
            name: "milliseconds, as drafts have them",
            event: #"{"event_timestamp":\#(time - 1234)}"#,
            target: .user("ann", issuedBefore: time - 1234)
        ),
        SecurityEventCase(
            name: "ahead by less than the leeway",
            event: #"{"event_timestamp":\#(now + 30)}"#,
            target: .user("ann", issuedBefore: time + 31_000)
        ),
        SecurityEventCase(name: "an event in the future", event: #"{"event_timestamp":\#(now + 31)}"#, expected: .invalidRequest),
        SecurityEventCase(name: "a token in the future", claims: ["iat": "\(now + 31)"], expected: .invalidRequest),
        SecurityEventCase(name: "a time that is text", event: #"{"event_timestamp":"\#(now)"}"#, expected: .invalidRequest),
        SecurityEventCase(name: "a time beyond all", event: #"{"event_timestamp":1e300}"#, expected: .invalidRequest),
        SecurityEventCase(name: "so old that all tokens have expired", event: #"{"event_timestamp":\#(now - 3600)}"#, ignored: 1),
    ]

    // MARK: Subjects

    static let subjects: [SecurityEventCase] = [
        subject("opaque user", complex(user: #"{"format":"opaque","id":"ann"}"#), ann),
        subject("user of the tokens' issuer", complex(user: user("ann", iss: "https://tokens.example")), ann),
        subject("user of another issuer", complex(user: user("ann", iss: "https://x.example"))),
        subject("user by e-mail", complex(user: #"{"format":"email","email":"ann@example.com"}"#)),
        subject("an empty user", complex(user: user(""))),
        subject("a user without its member", complex(user: #"{"format":"opaque"}"#)),
        subject("a session of a user", complex(user: user("ann"), session: #"{"format":"opaque","id":"s-1"}"#), ann),
        subject("a session alone", complex(session: #"{"format":"opaque","id":"s-1"}"#)),
        subject("a token", complex(user: user("ann"), session: #"{"format":"jwt_id","iss":"\#(issuer)","jti":"t-1"}"#), .token("t-1")),
        subject("a token of another issuer", complex(session: #"{"format":"jwt_id","iss":"https://x.example","jti":"t-1"}"#)),
        subject("a complex one without format", #"{"user":\#(user("ann")),"tenant":{"format":"opaque","id":"acme"}}"#, ann),
        subject(
            "the draft's name of the format",
            #"{"user":{"subject_type":"iss-sub","iss":"\#(issuer)","sub":"ann"}}"#,
            ann,
            tenant: "acme"
        ),
        subject("a tenant of the issuer", complex(user: user("ann"), tenant: user("acme")), ann),
        subject("a tenant of another issuer", complex(user: user("ann"), tenant: user("acme", iss: "https://x.example"))),
        subject("a tenant by e-mail", complex(user: user("ann"), tenant: #"{"format":"email","email":"a@b"}"#)),
        subject("no tenant", complex(user: user("ann"), tenant: nil)),
        subject("an empty tenant", complex(user: user("ann"), tenant: #"{"format":"opaque","id":""}"#)),
        subject("a plain user without tenant", user("ann")),
        subject("a plain user of the configured tenant", user("ann"), ann, tenant: "acme"),
        subject("a plain token", #"{"format":"jwt_id","iss":"\#(issuer)","jti":"t-1"}"#, .token("t-1"), tenant: "acme"),
        subject("a group", #"{"format":"complex","group":{"format":"opaque","id":"g"}}"#, tenant: "acme"),
        subject("complex within complex", complex(user: complex(user: user("ann")))),
        subject("no format", #"{"id":"ann"}"#, tenant: "acme"),
        subject("text", "\"ann\""),
        subject("none", nil, tenant: "acme"),
        SecurityEventCase(name: "another tenant than the configured one", tenant: "globex", expected: .accessDenied),
        SecurityEventCase(
            name: "the claim of tokens that names the tenant",
            claims: ["sub_id": user("ann"), "org_id": #""globex""#],
            target: ann,
            of: "globex"
        ),
        SecurityEventCase(name: "two tenants", claims: ["tenant_id": #""globex""#], expected: .invalidRequest),
        SecurityEventCase(
            name: "the subject in the event",
            claims: ["sub_id": nil, "tenant_id": #""acme""#],
            event: #"{"event_timestamp":\#(now - 5),"subject":\#(user("ann"))}"#,
            target: ann
        ),
        SecurityEventCase(
            name: "the same subject in both places",
            event: #"{"event_timestamp":\#(now - 5),"subject":\#(complex(user: user("ann")))}"#,
            target: ann
        ),
        SecurityEventCase(name: "two subjects", event: #"{"subject":\#(user("bob"))}"#, expected: .invalidRequest),
    ]

    private static func subject(_ name: String, _ subject: String?, _ target: Revocation.Target? = nil, tenant: Tenant? = nil) -> Self {
        SecurityEventCase(
            name: name,
            claims: ["sub_id": subject],
            tenant: tenant,
            expected: target == nil ? .invalidRequest : nil,
            target: target
        )
    }
}

@Suite("Security events", .timeLimit(.minutes(5)))
struct SecurityEventTests {
    private static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private let keys: TestKeys

    init() throws { keys = try TestKeys.shared.get() }

    private func configuration(_ directory: borrowing TemporaryDirectory) throws -> SecurityEventConfiguration {
        var tokens = AccessControlConfiguration()
        tokens.issuer = SecurityEventCase.issuer
        tokens.audience = "causeway"
        tokens.jwksFile = try directory.file(
            "jwks.json",
            try JWKForge.set([JWKForge.p256(keys.p256, kid: "idp"), JWKForge.rsa(keys.rsa, kid: "rsa", alg: nil)])
        )
        return SecurityEventConfiguration(
            tokens: tokens,
            userIssuers: ["https://tokens.example"],
            maximumTokenLife: SecurityEventCase.life
        )
    }

    @Test("Every rule of contract §13", arguments: SecurityEventCase.forms + SecurityEventCase.times + SecurityEventCase.subjects)
    func event(_ eventCase: SecurityEventCase) async throws {
        let directory = try TemporaryDirectory()
        var configuration = try configuration(directory)
        configuration.tenant = eventCase.tenant
        let verifier = try await SecurityEventVerifier(configuration: configuration, logger: Self.quiet, now: TestClock().now)
        let token = try eventCase.token(keys)
        do throws(SecurityEventError) {
            let events = try await verifier.verify(Array(token.utf8))
            #expect(eventCase.expected == nil)
            #expect(events.revocation?.target == eventCase.target)
            #expect(events.ignored == eventCase.ignored)
            guard let revocation = events.revocation else { return }
            #expect(revocation.tenant == eventCase.of)
            #expect(revocation.expiresAt > SecurityEventCase.time)
        } catch {
            #expect(error.code == eventCase.expected, "\(error)")
            #expect(!error.isRetriable && verifier.refusalsByCode == [error.code: 1])
            #expect(token.isEmpty || !error.message.contains(token))
        }
    }

    @Test func aRepeatedTokenAsksForTheSame() async throws {
        let directory = try TemporaryDirectory()
        let clock = TestClock()
        let verifier = try await SecurityEventVerifier(configuration: try configuration(directory), logger: Self.quiet, now: clock.now)
        let token = Array(try SecurityEventCase(name: "").token(keys).utf8)
        let first = try await verifier.verify(token)
        clock.advance(by: .seconds(60))
        #expect(try await verifier.verify(token) == first)
        #expect(first.revocation?.expiresAt == SecurityEventCase.time - 5000 + SecurityEventCase.life.milliseconds)
    }

    @Test func aSecurityEventIsNoAccessToken() async throws {
        let directory = try TemporaryDirectory()
        let configuration = try configuration(directory)
        let authenticator = try await Authenticator(configuration: configuration.tokens, logger: Self.quiet, now: TestClock().now)
        var eventCase = SecurityEventCase(name: "with all that an access token has")
        eventCase.claims = ["sub": #""ann""#, "tenant_id": #""acme""#, "roles": #"["admin"]"#, "exp": "\(TestClock.start + 60)"]
        for type in ["secevent+jwt", "application/secevent+jwt", "SecEvent+JWT"] {
            eventCase.header = #"{"alg":"ES256","kid":"idp","typ":"\#(type)"}"#
            let token = try eventCase.token(keys)
            let error = await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(token) }
            #expect(error?.reason == .malformed)
            #expect(authenticator.authenticateAtOnce(token) == nil)
        }
        eventCase.header = #"{"alg":"ES256","kid":"idp","typ":"JWT"}"#
        #expect(try await authenticator.authenticate(try eventCase.token(keys)).user == "ann")
    }

    @Test func keysAreReadAgainAndAnUnreachableIssuerIsNoRefusal() async throws {
        let directory = try TemporaryDirectory()
        let configuration = try configuration(directory)
        let verifier = try await SecurityEventVerifier(configuration: configuration, logger: Self.quiet, now: TestClock().now)
        var eventCase = SecurityEventCase(name: "", signer: { .es256($0.otherP256) })
        eventCase.header = #"{"alg":"ES256","kid":"next","typ":"secevent+jwt"}"#
        let token = Array(try eventCase.token(keys).utf8)
        await #expect(throws: SecurityEventError.self) { try await verifier.verify(token) }
        _ = try directory.file("jwks.json", try JWKForge.set([JWKForge.p256(keys.otherP256, kid: "next")]))
        try verifier.reload()
        #expect(try await verifier.verify(token).revocation != nil)

        var unreachable = configuration
        unreachable.tokens.jwksFile = nil
        unreachable.tokens.jwksURL = "http://127.0.0.1:1/jwks"
        let waiting = try await SecurityEventVerifier(configuration: unreachable, logger: Self.quiet, now: TestClock().now)
        let error = await #expect(throws: SecurityEventError.self) { try await waiting.verify(token) }
        #expect(error?.isRetriable == true && waiting.refusalsByCode.isEmpty)
    }

    @Test func theTransmittersBearerTokenIsChecked() async throws {
        let directory = try TemporaryDirectory()
        var configuration = try configuration(directory)
        let open = try await SecurityEventVerifier(configuration: configuration, logger: Self.quiet)
        try open.authenticate(authorization: ["Bearer whatever"])
        configuration.bearerToken = "the-transmitters-secret"
        let closed = try await SecurityEventVerifier(configuration: configuration, logger: Self.quiet)
        try closed.authenticate(authorization: ["Bearer the-transmitters-secret"])
        for fields in [
            [], ["Bearer the-transmitters"], ["Basic the-transmitters-secret"],
            Array(repeating: "Bearer the-transmitters-secret", count: 2),
        ] {
            let error = #expect(throws: SecurityEventError.self) { try closed.authenticate(authorization: fields) }
            #expect(error?.code == .authenticationFailed)
        }
        #expect(closed.refusalsByCode == [.authenticationFailed: 4])
    }

    @Test func anIncompleteConfigurationIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let complete = try configuration(directory)
        let changes: [@Sendable (inout SecurityEventConfiguration) -> Void] = [
            { $0.tokens.issuer = nil }, { $0.tokens.audience = nil }, { $0.tokens.jwksFile = nil }, { $0.bearerToken = "" },
        ]
        for change in changes {
            var changed = complete
            change(&changed)
            let configuration = changed
            await #expect(throws: AccessControlError.self) {
                _ = try await SecurityEventVerifier(configuration: configuration, logger: Self.quiet)
            }
        }
        #expect(Mirror(reflecting: complete).children.isEmpty)
    }

    @Test func fuzzedClaimsNameTokensOfOneTenantOrNone() throws {
        let standard = SecurityEventCase.standardClaims
        let seeds = [
            "{" + standard.map { "\"\($0)\":\($1)" }.sorted().joined(separator: ",")
                + ",\"events\":{\"\(SecurityEventCase.sessionRevoked)\":{\"event_timestamp\":\(SecurityEventCase.now - 1)}}}",
            #"{"iss":"https://id.example","aud":["causeway"],"jti":"j","iat":1700000000,"tenant_id":"acme","events":{"\#(SecurityEventCase.sessionRevoked)":"#
                + #"{"subject":{"subject_type":"iss-sub","iss":"https://id.example","sub":"ann"}}}}"#,
        ]
        let words = [
            "\"sub_id\":", "\"subject\":", "\"format\":", "\"complex\"", "\"opaque\"", "\"jwt_id\"", "\"user\":{", "\"session\":{",
            "\"tenant\":",
            "\"event_timestamp\":", "1e308", "null", "\"exp\":1",
        ]
        var configuration = SecurityEventConfiguration(tokens: AccessControlConfiguration(), maximumTokenLife: SecurityEventCase.life)
        configuration.tokens.issuer = SecurityEventCase.issuer
        configuration.tokens.audience = "causeway"
        let rules = SecurityEventRules(configuration, issuer: SecurityEventCase.issuer, audience: "causeway")
        let names = ClaimNames(configuration.tokens)
        try Fuzzer("security event claims", seeds: seeds, tokens: words).run { input in
            guard let claims = try? SecurityEventClaims(json: input, names: names),
                let events = try? rules.accept(claims, at: SecurityEventCase.time)
            else { return }
            guard let revocation = events.revocation else { return }
            if case .user(_, let time) = revocation.target {
                guard time <= SecurityEventCase.time + 30_000 else { throw FuzzViolation("revokes in advance, before \(time)") }
            }
            guard revocation.expiresAt > SecurityEventCase.time else { throw FuzzViolation("accepted although it has no effect") }
        }
    }
}
