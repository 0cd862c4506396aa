import Crypto
import CryptoExtras
import Foundation
import TestKit
import Testing

@testable import AccessControl

/// Which keys and rules the process under test has.
enum Setup: Sendable, Hashable, CaseIterable {
    case hs256, hs384, hs512
    case rs256, ps256, es256, es384, edDSA
    /// A JWKS file with keys of every kind, each with a `kid`.
    case keySet
    /// HS256, with an issuer and an audience.
    case restricted
    /// HS256, with the roles in one of three places.
    case otherRoles
    /// HS256, with five seconds of expiry leeway and the tenant in one claim only.
    case lenientExpiry
}

/// One token, and the expected result.
struct TokenCase: Sendable, CustomTestStringConvertible {
    let name: String
    var setup = Setup.hs256
    var header = #"{"alg":"HS256","typ":"JWT"}"#
    /// JSON values by claim, laid over ``standardClaims``; nil takes a claim away.
    var claims: [String: String?] = [:]
    /// The claims as a whole, in place of the above.
    var payload: String?
    var signer: (@Sendable (TestKeys) -> Signer) = { .hmac256($0.secretBytes) }
    /// What happens to the token after it was signed.
    var tamper: (@Sendable (String) -> String) = { $0 }
    /// Nil when accepted.
    var expected: AuthenticationError.Reason?
    var check: (@Sendable (Principal) -> Bool) = { _ in true }

    var testDescription: String { name }

    static let standardClaims: [String: String] = [
        "sub": #""u-1""#, "tenant_id": #""acme""#, "roles": #"["member"]"#, "exp": "\(TestClock.start + 60)",
    ]

    func token(_ keys: TestKeys) throws -> String {
        var members = Self.standardClaims
        for (name, value) in claims { members[name] = value }
        let body = payload ?? "{" + members.map { "\"\($0)\":\($1)" }.sorted().joined(separator: ",") + "}"
        return tamper(try Forge.token(header: header, claims: body, signer: signer(keys)))
    }
}

extension TokenCase {
    static func header(_ alg: String, kid: String? = nil) -> String {
        "{\"alg\":\"\(alg)\"" + (kid.map { ",\"kid\":\"\($0)\"" } ?? "") + "}"
    }

    static let signatures: [TokenCase] = [
        TokenCase(name: "HS256"),
        TokenCase(name: "HS384", setup: .hs384, header: header("HS384"), signer: { .hmac384($0.secretBytes) }),
        TokenCase(name: "HS512", setup: .hs512, header: header("HS512"), signer: { .hmac512($0.secretBytes) }),
        TokenCase(name: "RS256", setup: .rs256, header: header("RS256"), signer: { .rs256($0.rsa) }),
        TokenCase(name: "PS256", setup: .ps256, header: header("PS256"), signer: { .ps256($0.rsa) }),
        TokenCase(name: "ES256", setup: .es256, header: header("ES256"), signer: { .es256($0.p256) }),
        TokenCase(name: "ES384", setup: .es384, header: header("ES384"), signer: { .es384($0.p384) }),
        TokenCase(name: "EdDSA", setup: .edDSA, header: header("EdDSA"), signer: { .edDSA($0.ed25519) }),
        TokenCase(
            name: "a kid does not matter to a key without one",
            setup: .rs256,
            header: header("RS256", kid: "any"),
            signer: { .rs256($0.rsa) }
        ),

        TokenCase(
            name: "RS256 of another key",
            setup: .rs256,
            header: header("RS256"),
            signer: { .rs256($0.otherRSA) },
            expected: .badSignature
        ),
        TokenCase(
            name: "ES256 of another key",
            setup: .es256,
            header: header("ES256"),
            signer: { .es256($0.otherP256) },
            expected: .badSignature
        ),
        TokenCase(
            name: "HS256 of another secret",
            signer: { _ in .hmac256(Data("another secret of at least 32 bytes".utf8)) },
            expected: .badSignature
        ),
        TokenCase(
            name: "PSS padding under the name RS256",
            setup: .rs256,
            header: header("RS256"),
            signer: { .ps256($0.rsa) },
            expected: .badSignature
        ),
        TokenCase(
            name: "PS256 for a key used for RS256",
            setup: .rs256,
            header: header("PS256"),
            signer: { .ps256($0.rsa) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "RS256 for a key used for PS256",
            setup: .ps256,
            header: header("RS256"),
            signer: { .rs256($0.rsa) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "HS512 with the secret of HS256",
            header: header("HS512"),
            signer: { .hmac512($0.secretBytes) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "HMAC with the RSA key's PEM",
            setup: .rs256,
            header: header("HS256"),
            signer: { .hmac256(Data($0.rsa.publicKey.pemRepresentation.utf8)) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "HMAC with the RSA key's DER",
            setup: .rs256,
            header: header("HS256"),
            signer: { .hmac256($0.rsa.publicKey.derRepresentation) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "HMAC with the EC key's point",
            setup: .es256,
            header: header("HS256"),
            signer: { .hmac256($0.p256.publicKey.x963Representation) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "HMAC with the Ed25519 key's bytes",
            setup: .edDSA,
            header: header("HS256"),
            signer: { .hmac256($0.ed25519.publicKey.rawRepresentation) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "HMAC under the name RS256",
            setup: .rs256,
            header: header("RS256"),
            signer: { .hmac256(Data($0.rsa.publicKey.pemRepresentation.utf8)) },
            expected: .badSignature
        ),
        TokenCase(name: "none", header: header("none"), signer: { _ in .nobody }, expected: .unsupportedAlgorithm),
        TokenCase(name: "None", header: header("None"), signer: { _ in .nobody }, expected: .unsupportedAlgorithm),
        TokenCase(name: "none with a signature", header: header("none"), expected: .unsupportedAlgorithm),
        TokenCase(name: "an empty signature", signer: { _ in .nobody }, expected: .badSignature),
        TokenCase(
            name: "an empty ECDSA signature",
            setup: .es256,
            header: header("ES256"),
            signer: { _ in .nobody },
            expected: .badSignature
        ),
        TokenCase(
            name: "an ECDSA signature of zeros",
            setup: .es256,
            header: header("ES256"),
            signer: { _ in Signer { _ in Data(repeating: 0, count: 64) } },
            expected: .badSignature
        ),
        TokenCase(
            name: "an ECDSA signature in DER",
            setup: .es256,
            header: header("ES256"),
            signer: { keys in Signer { try keys.p256.signature(for: $0).derRepresentation } },
            expected: .badSignature
        ),
        TokenCase(name: "an algorithm in lower case", header: header("hs256"), expected: .unsupportedAlgorithm),
        TokenCase(name: "an algorithm of the future", header: header("ML-DSA-65"), expected: .unsupportedAlgorithm),
        TokenCase(name: "RS512", setup: .rs256, header: header("RS512"), signer: { .rs256($0.rsa) }, expected: .unsupportedAlgorithm),
        TokenCase(
            name: "claims of another token",
            tamper: { token in
                let parts = token.split(separator: ".")
                return "\(parts[0]).\(Forge.base64URL(Data(#"{"sub":"root","tenant_id":"acme","exp":9999999999}"#.utf8))).\(parts[2])"
            },
            expected: .badSignature
        ),
        TokenCase(
            name: "one bit of the signature",
            tamper: { String($0.dropLast(4)) + ($0.hasSuffix("AAAA") ? "BBBB" : "AAAA") },
            expected: .badSignature
        ),
    ]

    static let keySelection: [TokenCase] = [
        TokenCase(name: "kid of the RS256 key", setup: .keySet, header: header("RS256", kid: "rs"), signer: { .rs256($0.rsa) }),
        TokenCase(name: "kid of the PS256 key", setup: .keySet, header: header("PS256", kid: "ps"), signer: { .ps256($0.rsa) }),
        TokenCase(name: "kid of the P-256 key", setup: .keySet, header: header("ES256", kid: "es"), signer: { .es256($0.p256) }),
        TokenCase(name: "kid of the P-384 key", setup: .keySet, header: header("ES384", kid: "es384"), signer: { .es384($0.p384) }),
        TokenCase(name: "kid of the Ed25519 key", setup: .keySet, header: header("EdDSA", kid: "ed"), signer: { .edDSA($0.ed25519) }),
        TokenCase(
            name: "kid of the shared secret",
            setup: .keySet,
            header: header("HS384", kid: "oct"),
            signer: { .hmac384($0.secretBytes) }
        ),
        TokenCase(
            name: "no kid: the keys of the algorithm are tried",
            setup: .keySet,
            header: header("ES256"),
            signer: { .es256($0.p256) }
        ),
        TokenCase(
            name: "no kid, and no key fits",
            setup: .keySet,
            header: header("ES256"),
            signer: { .es256($0.otherP256) },
            expected: .badSignature
        ),
        TokenCase(
            name: "kid of another algorithm's key",
            setup: .keySet,
            header: header("PS256", kid: "rs"),
            signer: { .ps256($0.rsa) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "the right key under another's kid",
            setup: .keySet,
            header: header("RS256", kid: "rs"),
            signer: { .rs256($0.otherRSA) },
            expected: .badSignature
        ),
        TokenCase(
            name: "kid of a key for encryption",
            setup: .keySet,
            header: header("RS256", kid: "enc"),
            signer: { .rs256($0.rsa) },
            expected: .unknownKey
        ),
        TokenCase(
            name: "kid of a key with an unsupported algorithm",
            setup: .keySet,
            header: header("RS512", kid: "rs512"),
            signer: { .rs256($0.rsa) },
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "RS256 with the kid of an RS512 key",
            setup: .keySet,
            header: header("RS256", kid: "rs512"),
            signer: { .rs256($0.rsa) },
            expected: .unknownKey
        ),
        TokenCase(
            name: "kid of nobody",
            setup: .keySet,
            header: header("RS256", kid: "gone"),
            signer: { .rs256($0.rsa) },
            expected: .unknownKey
        ),
        TokenCase(
            name: "HS256 with the kid of an RSA key",
            setup: .keySet,
            header: header("HS256", kid: "rs"),
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "HS256 with a secret declared for HS384",
            setup: .keySet,
            header: header("HS256", kid: "oct"),
            expected: .unsupportedAlgorithm
        ),
        TokenCase(
            name: "a key of the token's own (jwk)",
            setup: .es256,
            header: #"{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"jku":"http://127.0.0.1:1/"}"#,
            signer: { .es256($0.otherP256) },
            expected: .badSignature
        ),
    ]

    static let all = signatures + keySelection + forms + claims + lateDates
}
