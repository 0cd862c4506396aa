import Basics
import Crypto
import CryptoExtras
import Foundation
import Logging
import TestKit
import Testing

@testable import AccessControl

/// Valid configurations, and the errors of invalid ones.
@Suite("Key sources")
struct KeySourceTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    @Test("A PEM file says itself what its key is", arguments: PEMCase.all)
    func publicKeyFile(_ pemCase: PEMCase) throws {
        let result = Result { try PublicKeyFile.parse(pemCase.text(try TestKeys.shared.get()), path: "/keys/public.pem") }
        switch (result, pemCase.expected) {
        case (.success(let materials), .keys(let kinds)): #expect(materials.map(\.kind) == kinds)
        case (.failure(let error as AccessControlError), .refused(let reason)):
            #expect(error.message.contains(reason))
            #expect(error.message.contains("/keys/public.pem"))
        default: Issue.record("\(result)")
        }
    }

    @Test("Configurations that cannot work stop the start", arguments: ConfigurationCase.all)
    func refused(_ configurationCase: ConfigurationCase) async throws {
        var configuration = AccessControlConfiguration()
        configurationCase.change(&configuration)
        let error = await #expect(throws: AccessControlError.self) { try await Authenticator(configuration: configuration, logger: logger) }
        #expect(error?.message.contains(configurationCase.says) == true, "\(String(describing: error))")
        #expect(error?.message.hasSuffix(".") == true)
    }

    @Test(
        "Sets of keys that cannot work stop the start",
        arguments: [
            "", "[]", "{}", #"{"keys":{}}"#, #"{"keys":[]}"#, #"{"keys":[{"kty":"oct"}]}"#,
            #"{"keys":[],"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#,
            #"{"keys":[{"kty":"oct","k":"c2VjcmV0","k":"c2VjcmV1"}]}"#, #"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"\ud800"}]}"#,
        ]
    )
    func refusedKeySet(_ json: String) async throws {
        let directory = try TemporaryDirectory()
        var configuration = AccessControlConfiguration()
        configuration.jwksFile = try directory.file("jwks.json", json)
        let error = await #expect(throws: AccessControlError.self) { try await Authenticator(configuration: configuration, logger: logger) }
        #expect(error?.message.contains("jwks.json") == true)
    }

    @Test("Keys of a set that are not for us are left out", arguments: UnusableKey.allCases)
    func unusableKey(_ kind: UnusableKey) async throws {
        let json = try JWKForge.set([kind.key(try TestKeys.shared.get())])
        let set = try JSONWebKeySet(json: Array(json))
        #expect(set.keys.count == 1)
        #expect(set.verificationKeys(origin: .file, rsaAlgorithm: .rs256).isEmpty)
    }

    @Test func theOrderOfASetMeansNothing() throws {
        let keys = try TestKeys.shared.get()
        let (a, b) = (JWKForge.p256(keys.p256, kid: "a"), JWKForge.ed25519(keys.ed25519, kid: "b"))
        #expect(try JSONWebKeySet(json: Array(JWKForge.set([a, b]))).keys == JSONWebKeySet(json: Array(JWKForge.set([b, a]))).keys)
    }

    @Test func aSetIsReadToItsBoundOnly() throws {
        let many = (0...JSONWebKeySet.maximumKeys + 5).map { ["kty": "EC", "kid": "\($0)"] }
        #expect(try JSONWebKeySet(json: Array(JWKForge.set(many))).keys.count == JSONWebKeySet.maximumKeys)
    }

    @Test("A secret file that was replaced counts after a reload; one that cannot be used leaves the former secret in force")
    func reload() async throws {
        let directory = try TemporaryDirectory()
        let (first, second) = ("the first secret of at least 32 bytes", "the second secret of at least 32 bytes")
        func token(_ secret: String) throws -> String {
            try Forge.token(
                header: #"{"alg":"HS256"}"#,
                claims: #"{"sub":"ann","tenant_id":"acme","exp":4000000000}"#,
                signer: .hmac256(Data(secret.utf8))
            )
        }
        var configuration = AccessControlConfiguration()
        configuration.hs256SecretFile = try directory.file("secret", first + "\n")
        let authenticator = try await Authenticator(configuration: configuration, logger: logger)
        #expect(try await authenticator.authenticate(token(first)).user.text == "ann")
        _ = try directory.file("secret", second)
        _ = try await authenticator.authenticate(token(first))
        try authenticator.reload()
        #expect(try await authenticator.authenticate(token(second)).user.text == "ann")
        await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(token(first)) }
        _ = try directory.file("secret", "")
        #expect(throws: AccessControlError.self) { try authenticator.reload() }
        _ = try await authenticator.authenticate(token(second))
    }

    @Test func filesAreReadToTheirBoundOnly() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.file("file", Data(count: 10))
        #expect(try KeyFile.read(path, maximumBytes: 10).count == 10)
        #expect(throws: AccessControlError.self) { try KeyFile.read(path, maximumBytes: 9) }
        #expect(throws: AccessControlError.self) { try KeyFile.read(directory.url.path(), maximumBytes: 9) }
        #expect(throws: AccessControlError.self) { try KeyFile.read("/dev/zero", maximumBytes: 1000) }
    }

    @Test func aConfigurationDoesNotShowItsSecret() {
        var configuration = AccessControlConfiguration(hs256Secret: "top-secret")
        configuration.hs256PreviousSecret = "former-secret"
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in [dumped, "\(configuration)", String(reflecting: configuration)] {
            #expect(!text.contains("top-secret") && !text.contains("former-secret"))
        }
        #expect(configuration.description.contains("redacted"))
    }
}

struct PEMCase: Sendable, CustomTestStringConvertible {
    enum Expected: Sendable {
        /// These kinds, in the file's order.
        case keys([String])
        case refused(String)
    }

    let testDescription: String
    let expected: Expected
    let text: @Sendable (TestKeys) -> String

    init(_ name: String, _ expected: Expected, _ text: @escaping @Sendable (TestKeys) -> String) {
        self.testDescription = name
        self.expected = expected
        self.text = text
    }

    /// A self-signed certificate with a P-256 key.
    private static let certificate =
        """
        -----BEGIN CERTIFICATE-----
        MIIBhzCCAS2gAwIBAgIUAOy/S/uHUzjbkk0phQ0lVW0x0rwwCgYIKoZIzj0EAwIw
        GDEWMBQGA1UEAwwNY2F1c2V3YXktdGVzdDAgFw0yNjExMjEwNzIzMTNaGA8yMTI2
        MTAyODA3MjMxM1owGDEWMBQGA1UEAwwNY2F1c2V3YXktdGVzdDBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABAVaGEc7HMrUJRUWDmauUiOD1B+8vYkJGR7mU97Ajlsn
        VadjCxvi7qYdIWSX6AItnSoAHIL9gi28etohhUi44A6jUzBRMB0GA1UdDgQWBBS2
        brwDu1MjcX1e/+LSHS2syKsOojAfBgNVHSMEGDAWgBS2brwDu1MjcX1e/+LSHS2s
        yKsOojAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIBfWNMua5zeT
        Jt9iHdrxPR09+Zcs8a8t+5PxxsLCI6XVAiEAqmQvQwyPSG2yR3Ajs49zzAXRKVS4
        n4m1CfdYuvmbgCE=
        -----END CERTIFICATE-----
        """

    static let all = [
        PEMCase("RSA", .keys(["rsa"])) { $0.rsa.publicKey.pemRepresentation },
        PEMCase("RSA in PKCS #1", .keys(["rsa"])) { _ in
            """
            -----BEGIN RSA PUBLIC KEY-----
            MIIBCgKCAQEArbnEVKet/NXBy25dTkaKyYX57gzLOHjWvPRW75wypybRSl8qJ0U0
            q6aLbWY9qod6PVlAoshioDBR7GWkVvA4ONzVS2Up30twN+cThpjiXUXaiVNlFLMZ
            b23S7xav3+KxFQCgjuQqcxZc3h2wcQVyb5gsvi2JZui6Y2nnJeG7LezuapCP+V7+
            gGl/X0WVECprepprhNy/fjkMdD59Zxl5Ry/Ys037grEdmN/AzWTAtFQgmUrzEoFf
            14HvD1+Vz3hQq8P+PZBqtH1l4Qsi0i07/YJx7/ZpklcJINTPq5fWnYkPlkV9tfhP
            iIz9YipncKYxpVBDaMGqcGre8dY2rFex0wIDAQAB
            -----END RSA PUBLIC KEY-----
            """
        },
        PEMCase("EC P-256", .keys(["p256"])) { $0.p256.publicKey.pemRepresentation },
        PEMCase("EC P-256 with DOS line ends", .keys(["p256"])) { $0.p256.publicKey.pemRepresentation.replacing("\n", with: "\r\n") },
        PEMCase("EC P-384", .keys(["p384"])) { $0.p384.publicKey.pemRepresentation },
        PEMCase("Ed25519", .keys(["ed25519"])) { $0.ed25519.publicKey.pemRepresentation },
        PEMCase("a certificate", .keys(["p256"])) { _ in certificate },
        PEMCase("a certificate with DOS line ends", .keys(["p256"])) { _ in certificate.replacing("\n", with: "\r\n") },
        PEMCase("an RSA key of 1024 bits", .refused("at least 2048 bits")) { _ in
            """
            -----BEGIN PUBLIC KEY-----
            MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDzMuYYi6M0HfKgRUpfuR2Sih0l
            mY2pUivYSfkoM2YpIuSJsQp2HeZPGXv1pPRfVjE+ZiDaF+iJtrohxCIyGNHPmfxc
            wZ+YD2kVyksVVkbOhJr5XgcbpxNz4a6SqAKWHUHBxSfPtG5sbU8X15AQCLO4/YAL
            JfoWGT1enjoyCc8cVQIDAQAB
            -----END PUBLIC KEY-----
            """
        },
        PEMCase("EC P-521", .refused("EC P-256")) { _ in P521.Signing.PrivateKey().publicKey.pemRepresentation },
        PEMCase("a private key", .refused("private key")) { $0.p256.pemRepresentation },
        PEMCase("an RSA private key", .refused("private key")) { $0.rsa.pemRepresentation },
        PEMCase("two keys and a comment", .keys(["p256", "p384"])) {
            "the new key\n\($0.p256.publicKey.pemRepresentation)\nthe old one:\n\($0.p384.publicKey.pemRepresentation)\n"
        },
        PEMCase("two keys with DOS line ends", .keys(["ed25519", "rsa"])) {
            "\($0.ed25519.publicKey.pemRepresentation)\n\($0.rsa.publicKey.pemRepresentation)".replacing("\n", with: "\r\n")
        },
        PEMCase("a key and a certificate", .keys(["ed25519", "p256"])) { "\($0.ed25519.publicKey.pemRepresentation)\n\(certificate)" },
        PEMCase("two certificates", .refused("several certificates")) { _ in "\(certificate)\n\(certificate)" },
        PEMCase("more keys than are tried", .refused("at most \(PublicKeyFile.maximumKeys)")) { keys in
            (0...PublicKeyFile.maximumKeys).map { _ in keys.p256.publicKey.pemRepresentation }.joined(separator: "\n")
        },
        PEMCase("a key and a private key", .refused("private key")) {
            "\($0.ed25519.publicKey.pemRepresentation)\n\($0.p256.pemRepresentation)"
        },
        PEMCase("a key and half a key", .refused("cannot be used")) {
            "\($0.ed25519.publicKey.pemRepresentation)\n\($0.p256.publicKey.pemRepresentation.prefix(60))"
        },
        PEMCase("another text", .refused("not a PEM file")) { _ in "ssh-ed25519 AAAA" },
        PEMCase("nothing", .refused("not a PEM file")) { _ in "" },
        PEMCase("damage", .refused("cannot be used")) { $0.p256.publicKey.pemRepresentation.replacing("M", with: "N") },
    ]
}

struct ConfigurationCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// A part of the expected error message.
    let says: String
    let change: @Sendable (inout AccessControlConfiguration) -> Void

    init(_ name: String, says: String, _ change: @escaping @Sendable (inout AccessControlConfiguration) -> Void) {
        self.testDescription = name
        self.says = says
        self.change = change
    }

    static let all = [
        ConfigurationCase("no key", says: "No key is configured") { _ in },
        ConfigurationCase("an empty secret", says: "empty") { $0.hs256Secret = "" },
        ConfigurationCase("a PEM text as secret", says: "PEM") {
            $0.hs256Secret = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
        },
        ConfigurationCase("a previous secret alone", says: "without a current one") {
            $0.hs256PreviousSecret = "secret"
            $0.jwksURL = "https://id.example/jwks.json"
        },
        ConfigurationCase("an empty previous secret", says: "empty") {
            $0.hs256Secret = "secret"
            $0.hs256PreviousSecret = ""
        },
        ConfigurationCase("a secret for RS256", says: "not for RS256") {
            $0.hs256Secret = "secret"
            $0.secretAlgorithm = .rs256
        },
        ConfigurationCase("RSA for ES256", says: "not for ES256") {
            $0.hs256Secret = "secret"
            $0.rsaAlgorithm = .es256
        },
        ConfigurationCase("no tenant claim", says: "tenant") {
            $0.hs256Secret = "secret"
            $0.tenantClaims = []
        },
        ConfigurationCase("an empty tenant claim", says: "tenant") {
            $0.hs256Secret = "secret"
            $0.tenantClaims = ["tenant_id", ""]
        },
        ConfigurationCase("an empty issuer", says: "leave them out") {
            $0.hs256Secret = "secret"
            $0.issuer = ""
        },
        ConfigurationCase("an empty audience", says: "leave them out") {
            $0.hs256Secret = "secret"
            $0.audience = ""
        },
        ConfigurationCase("a negative leeway", says: "leeways") {
            $0.hs256Secret = "secret"
            $0.leeway = .milliseconds(-1)
        },
        ConfigurationCase("an endless leeway", says: "leeways") {
            $0.hs256Secret = "secret"
            $0.expiryLeeway = .seconds(Int64.max)
        },
        ConfigurationCase("no room for a token", says: "at least one byte") {
            $0.hs256Secret = "secret"
            $0.maximumTokenBytes = 0
        },
        ConfigurationCase("an interval of nothing", says: "intervals") {
            $0.jwksURL = "https://id.example/jwks.json"
            $0.keyRefresh.minimumInterval = .zero
        },
        ConfigurationCase("a timeout of a week", says: "intervals") {
            $0.jwksURL = "https://id.example/jwks.json"
            $0.keyRefresh.timeout = .seconds(7 * 86400)
        },
        ConfigurationCase("a key file that is not there", says: "/nowhere/key.pem cannot be read: No such file") {
            $0.publicKeyFile = "/nowhere/key.pem"
        },
        ConfigurationCase("a set that is not there", says: "/nowhere/jwks.json cannot be read") { $0.jwksFile = "/nowhere/jwks.json" },
    ]
}

enum UnusableKey: Sendable, CaseIterable {
    case encryption, otherOperations, unsupportedAlgorithm, algorithmOfAnotherKind, otherCurve, offCurve, smallRSA, futureType, emptySecret

    func key(_ keys: TestKeys) throws -> [String: String] {
        var key = JWKForge.p256(keys.p256, kid: "x")
        switch self {
        case .encryption: key["use"] = "enc"
        case .otherOperations: return ["kty": "oct", "k": "AAAA", "use": "wrap"]
        case .unsupportedAlgorithm: return try JWKForge.rsa(keys.rsa, kid: "x", alg: "RS384")
        case .algorithmOfAnotherKind: key["alg"] = "HS256"
        case .otherCurve: key["crv"] = "secp256k1"
        case .offCurve: key["y"] = key["x"]
        case .smallRSA: return ["kty": "RSA", "n": Forge.base64URL(Data(repeating: 0xC5, count: 128)), "e": "AQAB"]
        case .futureType: key["kty"] = "AKP"
        case .emptySecret: return ["kty": "oct", "k": "", "alg": "HS256"]
        }
        return key
    }
}

extension KeyMaterial {
    /// The name of the case.
    fileprivate var kind: String {
        switch self {
        case .secret: "secret"
        case .rsa: "rsa"
        case .p256: "p256"
        case .p384: "p384"
        case .ed25519: "ed25519"
        }
    }
}
