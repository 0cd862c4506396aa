import Basics
import Foundation
import TestKit
import Testing

@testable import AccessControl

/// Tokens and key sets from outside: what is accepted keeps every rule of contract §1, and nothing traps.
@Suite struct TokenFuzzTests {
    private static let now: Int64 = 1_711_981_930_000

    @Test func compactTokens() throws {
        let header = Base64URL.encode(#"{"alg":"HS256","typ":"JWT","kid":"k"}"#.utf8)
        let seeds = ["\(header).\(Base64URL.encode(#"{"sub":"a"}"#.utf8)).c2lnbmF0dXJl", "\(header)..", "a.b.c.d"]
        try Fuzzer("token", seeds: seeds, tokens: ["eyJ", ".", "..", "=", "_", "-", "e30"]).run { input in
            guard let token = try? CompactToken(input, as: .access) else { return }
            try expect(!token.signature.isEmpty, "accepted without a signature")
            let parts = input.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            try expect(parts.count == 3, "accepted with \(parts.count) parts")
            try expect(
                Array(token.signingInput) == Array((parts[0] + [UInt8(ascii: ".")] + parts[1])),
                "other bytes are verified than came"
            )
        }
    }

    @Test func headers() throws {
        let seeds = [
            #"{"alg":"HS256","typ":"JWT"}"#, #"{"alg":"ES384","kid":"a\u0062c","crit":["exp"],"jwk":{"kty":"oct"}}"#,
            #"{"kid":null,"alg":"none"}"#,
        ]
        let tokens = [
            "\"alg\":", "\"kid\":", "\"crit\":", "\"none\"", "\"HS256\"", "\"\\u0061lg\":\"none\"", "\"alg\":\"HS256\",\"alg\":\"none\"",
        ]
        try Fuzzer("token header", seeds: seeds, tokens: tokens).run { input in
            guard let token = try? CompactToken(Array("\(Base64URL.encode(input)).e30.c2ln".utf8), as: .access) else { return }
            try isObjectWithoutRepetition(input)
            try expect(token.algorithm.rawValue != "none", "none is an algorithm")
        }
    }

    @Test func claims() throws {
        let seeds = [
            #"{"sub":"usr_1","tenant_id":"acme","roles":["admin","member",7],"exp":1911981930,"nbf":1.5,"iat":1711981929,"aud":["a","b"]}"#,
            #"{"sub":"é","workspace_id":"a/b","exp":1911981930.999,"iss":"https://id.example","aud":"a","email":"x","scope":"y"}"#,
        ]
        let tokens = [
            "\"sub\":", "\"tenant_id\":", "\"org_id\":", "\"exp\":", "\"nbf\":", "\"iat\":", "\"aud\":", "\"roles\":", "1e308", "-1e308",
            "null",
            "\"sub\":\"x\",\"sub\":\"y\"", "9223372036854775.807",
        ]
        let rules = ClaimRules(AccessControlConfiguration(hs256Secret: "a secret of enough bytes for HS256, as its rule wants"))
        try Fuzzer("token claims", seeds: seeds, tokens: tokens).run { input in
            guard let claims = try? TokenClaims(json: input, names: ClaimNames(AccessControlConfiguration())) else { return }
            guard let accepted = try? rules.accept(claims, at: Self.now) else { return }
            try isObjectWithoutRepetition(input)
            let principal = accepted.principal
            try expect((try? Tenant(principal.tenant.text)) != nil && (try? UserID(principal.user.text)) != nil, "accepted as \(principal)")
            try expect(accepted.expiry > Self.now && principal.expiresAt <= 253_402_300_800 + 60, "accepted until \(accepted.expiry)")
        }
    }

    /// The claims and the header determine the principal: duplicate members are rejected (RFC 7519 §4).
    private func isObjectWithoutRepetition(_ bytes: [UInt8]) throws {
        try JSONScanner.scan(bytes) { scanner in
            do throws(JSONSyntaxError) {
                scanner.skipWhitespace()
                try scanner.scanValue(depth: 0)
                try scanner.finish()
            } catch {
                throw FuzzViolation("accepted, although \(error.problem) at byte \(error.offset)")
            }
        }
    }

    @Test func keySets() throws {
        let seeds = [
            #"{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0","kid":"1","alg":"HS256"},"#
                + #"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig"}]}"#,
            #"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},"#
                + #"{"kty":"RSA","n":"u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0","e":"AQAB","key_ops":["verify"]}]}"#,
        ]
        let tokens = [
            "\"kty\":", "\"oct\"", "\"RSA\"", "\"EC\"", "\"crv\":", "\"P-384\"", "\"n\":\"\"", "\"e\":\"AA\"", "\"x\":",
            "\"alg\":\"ES256\"", "\"kid\":",
        ]
        try Fuzzer("JWKS", seeds: seeds, tokens: tokens).run { input in
            guard let set = try? JSONWebKeySet(json: input) else { return }
            try expect(set.keys.count <= JSONWebKeySet.maximumKeys, "\(set.keys.count) keys")
            for key in set.verificationKeys(origin: .url, rsaAlgorithm: .rs256) {
                try expect(!["HS256", "HS384", "HS512"].contains(key.algorithm.rawValue), "a shared secret from a URL is a key")
            }
        }
    }

    @Test func base64() throws {
        try Fuzzer("base64url", seeds: ["Zm9vYmFy", "Zg", "", "_-_-"], tokens: ["=", "+", "/", "-", "_"]).run { input in
            try expect(Base64URL.decode(Base64URL.encode(input).utf8) == input, "not decoded to what it was made of")
            if let decoded = Base64URL.decode(input) {
                try expect(Base64URL.encode(decoded).utf8.elementsEqual(input), "two spellings of the same bytes")
            }
        }
    }

    /// Nothing that looks like a token is left in what is logged.
    @Test func redaction() throws {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl"
        let seeds = [
            "/v1/stream?token=\(token)&workspace=acme", "/v1/notifications/stream?types=a.b&%74oken=\(token)", "/a/\(token)?b#c;token=x",
        ]
        try Fuzzer("redaction", seeds: seeds, tokens: ["token=", "%74", "TOKEN=", "access_token=", "?", "&", ";", "#", token]).run {
            input in
            guard let text = String(validating: input, as: UTF8.self) else { return }
            for shown in [Redaction.redacted(target: text), Redaction.redacted(text: text)] {
                try expect(!shown.contains("eyJhbGciOiJIUzI1NiJ9"), "shows a token: \(shown)")
            }
        }
    }
}
