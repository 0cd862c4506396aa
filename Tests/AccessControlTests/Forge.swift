import Basics
import Crypto
import CryptoExtras
import Foundation
import Synchronization

@testable import AccessControl

/// Signs anything with any key, rightly or wrongly. What it makes is built by hand and not by the code under test.
enum Forge {
    /// A token of these two JSON texts.
    static func token(header: String, claims: String, signer: Signer) throws -> String {
        let input = base64URL(Data(header.utf8)) + "." + base64URL(Data(claims.utf8))
        return input + "." + base64URL(try signer.sign(Data(input.utf8)))
    }

    static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}

/// Who signs, and how.
struct Signer: Sendable {
    let sign: @Sendable (Data) throws -> Data

    static let nobody = Signer { _ in Data() }

    static func hmac256(_ secret: Data) -> Signer {
        Signer { Data(HMAC<SHA256>.authenticationCode(for: $0, using: SymmetricKey(data: secret))) }
    }
    static func hmac384(_ secret: Data) -> Signer {
        Signer { Data(HMAC<SHA384>.authenticationCode(for: $0, using: SymmetricKey(data: secret))) }
    }
    static func hmac512(_ secret: Data) -> Signer {
        Signer { Data(HMAC<SHA512>.authenticationCode(for: $0, using: SymmetricKey(data: secret))) }
    }
    static func rs256(_ key: _RSA.Signing.PrivateKey) -> Signer {
        Signer { try key.signature(for: SHA256.hash(data: $0), padding: .insecurePKCS1v1_5).rawRepresentation }
    }
    static func ps256(_ key: _RSA.Signing.PrivateKey) -> Signer {
        Signer { try key.signature(for: SHA256.hash(data: $0), padding: .PSS).rawRepresentation }
    }
    static func es256(_ key: P256.Signing.PrivateKey) -> Signer {
        Signer { try key.signature(for: SHA256.hash(data: $0)).rawRepresentation }
    }
    static func es384(_ key: P384.Signing.PrivateKey) -> Signer {
        Signer { try key.signature(for: SHA384.hash(data: $0)).rawRepresentation }
    }
    static func edDSA(_ key: Curve25519.Signing.PrivateKey) -> Signer {
        Signer { try key.signature(for: $0) }
    }
}

/// Keys of every kind, generated in each test run.
struct TestKeys: Sendable {
    static let shared = Result { try TestKeys() }

    let secret = "a shared secret that is long enough for HS512, which takes sixty-four"
    let rsa: _RSA.Signing.PrivateKey
    let otherRSA: _RSA.Signing.PrivateKey
    let p256 = P256.Signing.PrivateKey()
    let otherP256 = P256.Signing.PrivateKey()
    let p384 = P384.Signing.PrivateKey()
    let ed25519 = Curve25519.Signing.PrivateKey()

    private init() throws {
        rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        otherRSA = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    }

    var secretBytes: Data { Data(secret.utf8) }
}

/// JSON Web Keys, written by hand.
enum JWKForge {
    static func set(_ keys: [[String: String]]) throws -> Data {
        try JSONEncoder().encode(["keys": keys])
    }

    static func rsa(_ key: _RSA.Signing.PrivateKey, kid: String?, alg: String?) throws -> [String: String] {
        let primitives = try key.publicKey.getKeyPrimitives()
        return named(kid, alg, ["kty": "RSA", "n": Forge.base64URL(primitives.modulus), "e": Forge.base64URL(primitives.publicExponent)])
    }

    static func p256(_ key: P256.Signing.PrivateKey, kid: String?, alg: String? = nil) -> [String: String] {
        let point = key.publicKey.rawRepresentation
        return named(
            kid,
            alg,
            ["kty": "EC", "crv": "P-256", "x": Forge.base64URL(point.prefix(32)), "y": Forge.base64URL(point.suffix(32))]
        )
    }

    static func p384(_ key: P384.Signing.PrivateKey, kid: String?, alg: String? = nil) -> [String: String] {
        let point = key.publicKey.rawRepresentation
        return named(
            kid,
            alg,
            ["kty": "EC", "crv": "P-384", "x": Forge.base64URL(point.prefix(48)), "y": Forge.base64URL(point.suffix(48))]
        )
    }

    static func ed25519(_ key: Curve25519.Signing.PrivateKey, kid: String?, alg: String? = nil) -> [String: String] {
        named(kid, alg, ["kty": "OKP", "crv": "Ed25519", "x": Forge.base64URL(key.publicKey.rawRepresentation)])
    }

    static func secret(_ bytes: Data, kid: String?, alg: String?) -> [String: String] {
        named(kid, alg, ["kty": "oct", "k": Forge.base64URL(bytes)])
    }

    private static func named(_ kid: String?, _ alg: String?, _ members: [String: String]) -> [String: String] {
        var members = members
        members["kid"] = kid
        members["alg"] = alg
        return members
    }
}

/// A clock that stands still until it is set.
final class TestClock: Sendable {
    /// The second in which the tests take place.
    static let start: Int64 = 1_700_000_000

    private let milliseconds = Mutex(TestClock.start * 1000)

    var now: WallClock {
        { self.milliseconds.withLock { $0 } }
    }

    func advance(by duration: Duration) {
        milliseconds.withLock { $0 += duration.milliseconds }
    }
}

/// A directory that goes with the test.
struct TemporaryDirectory: ~Copyable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "causeway-access-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    /// Writes a file and returns its path.
    func file(_ name: String, _ content: Data) throws -> String {
        let file = url.appending(path: name)
        try content.write(to: file)
        return file.path()
    }

    func file(_ name: String, _ content: String) throws -> String {
        try file(name, Data(content.utf8))
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }
}
