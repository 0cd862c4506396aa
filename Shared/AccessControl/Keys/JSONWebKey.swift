import Basics
import Crypto
import CryptoExtras
import FoundationEssentials

/// A key of a JSON Web Key Set (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), with the members needed for verification.
struct JSONWebKey: Decodable, Hashable, Sendable {
    let kty: String
    var kid: String?
    var alg: String?
    var use: String?
    var keyOps: [String]?
    var crv: String?
    var n: String?
    var e: String?
    var x: String?
    var y: String?
    var k: String?

    enum CodingKeys: String, CodingKey {
        case kty, kid, alg, use, crv, n, e, x, y, k
        case keyOps = "key_ops"
    }

    /// The origin of a key set; determines whether shared secrets are allowed.
    enum Origin {
        case file
        /// Not for secrets: everyone who can fetch the URL knows them.
        case url
    }

    /// Returns the verification key; nil when this key has another use or is unsuitable. An unusable key does not invalidate its set: providers also
    /// publish encryption keys and keys of newer algorithms.
    func verificationKey(origin: Origin, rsaAlgorithm: SignatureAlgorithm) -> VerificationKey? {
        guard use == nil || use == "sig", keyOps == nil || keyOps?.contains("verify") == true else { return nil }
        guard let material = material(origin: origin) else { return nil }
        guard let declared = alg else {
            return try? VerificationKey(material, algorithm: material.defaultAlgorithm(rsa: rsaAlgorithm), keyID: kid)
        }
        guard let algorithm = SignatureAlgorithm(rawValue: declared) else { return nil }
        return try? VerificationKey(material, algorithm: algorithm, keyID: kid)
    }

    private func material(origin: Origin) -> KeyMaterial? {
        switch (kty, crv) {
        case ("RSA", nil):
            guard let n = Self.bytes(n), let e = Self.bytes(e), let key = try? _RSA.Signing.PublicKey(n: n, e: e) else { return nil }
            return .rsa(ofFullLength: key)
        case ("EC", "P-256"):
            guard let point, let key = try? P256.Signing.PublicKey(x963Representation: point) else { return nil }
            return .p256(key)
        case ("EC", "P-384"):
            guard let point, let key = try? P384.Signing.PublicKey(x963Representation: point) else { return nil }
            return .p384(key)
        case ("OKP", "Ed25519"):
            guard let x = Self.bytes(x), let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x) else { return nil }
            return .ed25519(key)
        case ("oct", nil) where origin == .file:
            guard let secret = Self.bytes(k), !secret.isEmpty else { return nil }
            return .secret(SymmetricKey(data: secret))
        default:
            return nil
        }
    }

    /// The point of an elliptic curve, uncompressed (SEC 1 §2.3.3).
    private var point: [UInt8]? {
        guard let x = Self.bytes(x), let y = Self.bytes(y), x.count == y.count else { return nil }
        return [0x04] + x + y
    }

    /// Decodes a parameter; nil when missing or not base64url. Tolerates padding.
    private static func bytes(_ text: String?) -> [UInt8]? {
        text.flatMap { text in Base64URL.decode(text.utf8.prefix { $0 != UInt8(ascii: "=") }) }
    }
}

/// A JSON Web Key Set (RFC 7517 §5).
struct JSONWebKeySet: Sendable {
    /// Maximum number of keys read.
    static let maximumKeys = 64

    /// The parsed keys. A set, compared to detect a rotation.
    let keys: Set<JSONWebKey>

    /// Why a text is not a key set; follows the name of the file or URL in an error message.
    struct FormatError: Error {
        let problem: String
    }

    /// Parses `{"keys":[…]}`. Skips malformed elements.
    init(json: [UInt8]) throws(FormatError) {
        let document: Document
        do {
            try JSONDocument.check(json)
            document = try JSONDecoder().decode(Document.self, from: Data(json))
        } catch let error as JSONSyntaxError {
            throw FormatError(problem: "is not valid JSON: \(error.problem) at byte \(error.offset)")
        } catch {
            throw FormatError(problem: "is not a JSON Web Key Set: it must be a JSON object with the member \"keys\"")
        }
        keys = Set(document.keys.compactMap(\.key).prefix(Self.maximumKeys))
    }

    /// Returns the keys that can verify.
    func verificationKeys(origin: JSONWebKey.Origin, rsaAlgorithm: SignatureAlgorithm) -> [VerificationKey] {
        keys.compactMap { $0.verificationKey(origin: origin, rsaAlgorithm: rsaAlgorithm) }
    }

    private struct Document: Decodable {
        let keys: [Element]
    }

    private struct Element: Decodable {
        let key: JSONWebKey?

        init(from decoder: any Decoder) {
            key = try? JSONWebKey(from: decoder)
        }
    }
}
