import Basics
import Crypto
import Logging

/// Validates and reads a configuration's key sources.
struct KeySources: Sendable {
    static let maximumKeySetBytes = 1024 * 1024

    /// The keys of the secret and the files.
    let fixed: [VerificationKey]
    /// The document behind the URL.
    let document: KeyDocument?

    init(_ configuration: AccessControlConfiguration, logger: Logger) throws(AccessControlError) {
        try configuration.validate()
        fixed = try Self.fixed(configuration, logger: logger)
        document = try configuration.jwksURL.map { url throws(AccessControlError) in
            try KeyDocument(url: url, refresh: configuration.keyRefresh)
        }
        if let document, document.isExposed {
            logger.warning(
                "Signature keys are fetched without TLS; use https outside a trusted network",
                metadata: [LogKey.keyURL: "\(document.shown)"]
            )
        }
    }

    /// Reads the keys of the secret and the files.
    static func fixed(_ configuration: AccessControlConfiguration, logger: Logger) throws(AccessControlError) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        var secret = configuration.hs256Secret
        if let path = configuration.hs256SecretFile {
            secret = SecretFile.read(path)
            guard secret != nil else { throw AccessControlError("\(path) cannot be read, or holds no secret.") }
        }
        if let secret {
            keys.append(try Self.key(secret: secret, algorithm: configuration.secretAlgorithm, logger: logger))
        }
        if let path = configuration.publicKeyFile {
            let material = try PublicKeyFile.read(path)
            keys.append(try VerificationKey(material, algorithm: material.defaultAlgorithm(rsa: configuration.rsaAlgorithm)))
        }
        if let path = configuration.jwksFile {
            keys += try Self.keys(jwksFile: path, rsaAlgorithm: configuration.rsaAlgorithm)
        }
        return keys
    }

    /// Creates a key from a configured secret.
    static func key(secret: String, algorithm: SignatureAlgorithm, keyID: String? = nil, logger: Logger?) throws(AccessControlError)
        -> VerificationKey
    {
        guard let recommended = algorithm.secretBytes else {
            throw AccessControlError("A shared secret can be used for HS256, HS384 or HS512, not for \(algorithm.rawValue).")
        }
        guard !secret.isEmpty else {
            throw AccessControlError("The shared secret is empty: set one of at least \(recommended) random bytes.")
        }
        guard !secret.contains("-----BEGIN ") else {
            throw AccessControlError("The shared secret is a PEM text: name the file as public key file instead.")
        }
        if secret.utf8.count < recommended {
            logger?.warning(
                "The shared secret is shorter than RFC 7518 demands and can be guessed from any token; use a longer one in production",
                metadata: [LogKey.secretMinimum: "\(recommended)"]
            )
        }
        return try VerificationKey(.secret(SymmetricKey(data: Array(secret.utf8))), algorithm: algorithm, keyID: keyID)
    }

    private static func keys(jwksFile path: String, rsaAlgorithm: SignatureAlgorithm) throws(AccessControlError) -> [VerificationKey] {
        let json = try KeyFile.read(path, maximumBytes: maximumKeySetBytes)
        let set: JSONWebKeySet
        do throws(JSONWebKeySet.FormatError) {
            set = try JSONWebKeySet(json: json)
        } catch {
            throw AccessControlError("\(path) \(error.problem).")
        }
        let keys = set.verificationKeys(origin: .file, rsaAlgorithm: rsaAlgorithm)
        guard !keys.isEmpty else {
            throw AccessControlError(
                "\(path) holds no key that can be used: it must be RSA of at least 2048 bits, EC P-256, EC P-384, Ed25519 or oct, "
                    + "and meant for signatures."
            )
        }
        return keys
    }
}
