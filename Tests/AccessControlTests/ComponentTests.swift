import Basics
import Crypto
import Foundation
import Logging
import TestKit
import Testing

@testable import AccessControl

@Suite("Base 64 for URLs")
struct Base64URLTests {
    @Test(
        "RFC 4648 §10, without padding",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
        ]
    )
    func vectors(_ text: String, _ encoded: String) {
        #expect(Base64URL.encode(text.utf8) == encoded)
        #expect(Base64URL.decode(encoded.utf8) == Array(text.utf8))
    }

    @Test(arguments: 0...64) func roundTrip(_ count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 251) }
        let encoded = Base64URL.encode(bytes)
        #expect(encoded == Forge.base64URL(Data(bytes)))
        #expect(Base64URL.decode(encoded.utf8) == bytes)
    }

    @Test(arguments: ["Z", "Zg==", "Zh", "Zm9", "Zm9w+", "Zm9/", "Zg ", "Z\ng", "Zé"]) func refused(_ encoded: String) {
        #expect(Base64URL.decode(encoded.utf8) == nil)
    }
}

@Suite("Principal cache")
struct PrincipalCacheTests {
    private func entry(_ subject: String, expiry: Int64 = 1000) -> ClaimRules.Accepted {
        ClaimRules.Accepted(principal: Principal(user: UserID(generated: subject), tenant: "t", roles: [], expiresAt: 1), expiry: expiry)
    }

    private func digest(_ number: Int) -> SHA256Digest { SHA256.hash(data: Data("\(number)".utf8)) }

    @Test func anEntryEndsWithItsToken() {
        let cache = PrincipalCache(capacity: 10)
        cache.insert(entry("a", expiry: 1000), for: digest(1), keyGeneration: 0)
        #expect(cache.principal(for: digest(1), keyGeneration: 0, at: 999)?.user == "a")
        #expect(cache.principal(for: digest(1), keyGeneration: 0, at: 1000) == nil)
        #expect(cache.principal(for: digest(2), keyGeneration: 0, at: 0) == nil)
    }

    @Test func anEntryEndsWithItsKeys() {
        let cache = PrincipalCache(capacity: 10)
        cache.insert(entry("a"), for: digest(1), keyGeneration: 1)
        #expect(cache.principal(for: digest(1), keyGeneration: 2, at: 0) == nil)
        cache.insert(entry("b"), for: digest(2), keyGeneration: 2)
        #expect(cache.count == 1)
        // Verified by former keys while the new ones came.
        cache.insert(entry("c"), for: digest(3), keyGeneration: 1)
        #expect(cache.principal(for: digest(3), keyGeneration: 2, at: 0) == nil)
        #expect(cache.principal(for: digest(2), keyGeneration: 2, at: 0)?.user == "b")
    }

    @Test func isBounded() {
        let cache = PrincipalCache(capacity: 100)
        for number in 0..<10_000 { cache.insert(entry("\(number)"), for: digest(number), keyGeneration: 0) }
        #expect(cache.count <= 100)
        #expect(cache.principal(for: digest(9999), keyGeneration: 0, at: 0)?.user == "9999")
    }

    @Test func whatIsUsedStays() {
        let cache = PrincipalCache(capacity: 100)
        cache.insert(entry("used"), for: digest(-1), keyGeneration: 0)
        cache.insert(entry("unused"), for: digest(-2), keyGeneration: 0)
        for number in 0..<1000 {
            cache.insert(entry("\(number)"), for: digest(number), keyGeneration: 0)
            #expect(cache.principal(for: digest(-1), keyGeneration: 0, at: 0)?.user == "used")
        }
        #expect(cache.principal(for: digest(-2), keyGeneration: 0, at: 0) == nil)
        #expect(cache.count <= 100)
    }

    @Test func withoutCapacityNothingIsKept() {
        let cache = PrincipalCache(capacity: 0)
        cache.insert(entry("a"), for: digest(1), keyGeneration: 0)
        #expect(cache.count == 0)
    }
}

@Suite("Refresh schedule")
struct RefreshScheduleTests {
    private var schedule = RefreshSchedule(AccessControlConfiguration.KeyRefresh())

    @Test func isDueAtOnceAndThenAfterTheInterval() {
        var schedule = schedule
        #expect(schedule.isDue(at: 0))
        schedule.attemptStarted(at: 0)
        schedule.attemptEnded(succeeded: true)
        #expect(!schedule.isDue(at: 299_999))
        #expect(schedule.isDue(at: 300_000))
    }

    @Test func isDueSoonAfterAFailure() {
        var schedule = schedule
        schedule.attemptStarted(at: 0)
        schedule.attemptEnded(succeeded: false)
        #expect(schedule.hasFailed)
        #expect(!schedule.isDue(at: 999))
        #expect(schedule.isDue(at: 1000))
        #expect(!schedule.mayLookForUnknownKey(at: 999))
        #expect(schedule.mayLookForUnknownKey(at: 1000))
        // Longer each time, up to the pause after a success.
        for (attempt, pause) in [(1000, 2000), (3000, 4000), (7000, 8000), (15_000, 10_000), (25_000, 10_000)] as [(Int64, Int64)] {
            schedule.attemptStarted(at: attempt)
            schedule.attemptEnded(succeeded: false)
            #expect(!schedule.isDue(at: attempt + pause - 1))
            #expect(schedule.isDue(at: attempt + pause))
        }
        schedule.attemptStarted(at: 40_000)
        schedule.attemptEnded(succeeded: true)
        #expect(!schedule.hasFailed)
        #expect(!schedule.isDue(at: 50_000))
    }

    @Test func unknownKeysAreLookedForNowAndThen() {
        var schedule = schedule
        #expect(schedule.mayLookForUnknownKey(at: 0))
        schedule.attemptStarted(at: 0)
        schedule.attemptEnded(succeeded: true)
        #expect(!schedule.mayLookForUnknownKey(at: 9999))
        #expect(schedule.mayLookForUnknownKey(at: 10_000))
    }

    @Test func aClockSetBackDoesNotStopTheRefresh() {
        var schedule = schedule
        schedule.attemptStarted(at: 1_000_000)
        schedule.attemptEnded(succeeded: true)
        #expect(schedule.isDue(at: 999_999))
    }
}

@Suite("Token minter")
struct TokenMinterTests {
    @Test("What is minted is accepted", arguments: [SignatureAlgorithm.hs256, .hs384, .hs512])
    func minted(_ algorithm: SignatureAlgorithm) async throws {
        let secret = "a secret for the minter"
        let minter = try TokenMinter(secret: secret, algorithm: algorithm, keyID: "k")
        let authenticator = try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: secret, algorithm: algorithm),
            logger: Logger(label: "test"),
            now: TestClock().now
        )
        let token = try minter.mint(subject: "u-1", tenant: "acme", roles: [.producer, .admin], expiresAt: TestClock.start + 60)
        let expected = Principal(user: "u-1", tenant: "acme", roles: [.admin, .producer], expiresAt: TestClock.start + 60)
        #expect(try await authenticator.authenticate(token) == expected)
    }

    @Test func everyClaimIsWritten() async throws {
        let minter = try TokenMinter(secret: "s")
        var claims = TokenMinter.Claims(subject: "u", tenant: "w", roles: [.member], expiresAt: 4)
        claims.tenantClaim = "workspace_id"
        (claims.issuedAt, claims.notBefore, claims.issuer, claims.audience) = (2, 3, "https://i", "a")
        (claims.email, claims.scope) = ("e", "s")
        let parts = try minter.mint(claims).split(separator: ".")
        #expect(Base64URL.decode(parts[0].utf8).map { String(decoding: $0, as: UTF8.self) } == #"{"alg":"HS256","typ":"JWT"}"#)
        #expect(
            Base64URL.decode(parts[1].utf8).map { String(decoding: $0, as: UTF8.self) }
                == #"{"aud":"a","email":"e","exp":4,"iat":2,"iss":"https://i","nbf":3,"#
                + #""roles":["member"],"scope":"s","sub":"u","workspace_id":"w"}"#
        )
    }

    @Test("RFC 7515 §A.1.1 verifies, byte for byte") func knownToken() async throws {
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
        let token =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
            + ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
            + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        let bytes = try #require(Base64URL.decode(secret.utf8))
        let key = try VerificationKey(.secret(SymmetricKey(data: bytes)), algorithm: .hs256)
        #expect(KeySet([key]).verify(try CompactToken(Array(token.utf8), as: .access)) == .verified)
    }

    @Test func needsASharedSecret() {
        #expect(throws: AccessControlError.self) { try TokenMinter(secret: "") }
        #expect(throws: AccessControlError.self) { try TokenMinter(secret: "s", algorithm: .es256) }
    }
}

@Suite("Principal")
struct PrincipalTests {
    struct Case: Sendable {
        let own: Set<Role>
        let asked: Set<Role>
        let answer: Bool
    }

    @Test(arguments: [
        Case(own: [.admin], asked: [.admin, .member], answer: true), Case(own: [.member], asked: [.admin, .member], answer: true),
        Case(own: [.producer], asked: [.admin, .member], answer: false), Case(own: [], asked: [.admin], answer: false),
        Case(own: [], asked: [], answer: true), Case(own: [.admin], asked: [], answer: true),
    ])
    func roles(_ testCase: Case) {
        let principal = Principal(user: "s", tenant: "t", roles: testCase.own, expiresAt: 0)
        #expect(principal.has(anyOf: testCase.asked) == testCase.answer)
    }
}
