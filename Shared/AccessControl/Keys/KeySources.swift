import Basics
import Crypto
import Logging

/// Validates and reads a configuration's key sources.
struct KeySources: Sendable {
    static let maximumKeySetBytes = 1024 * 1024

    /// The keys of the secrets and the files.
    let fixed: FixedKeys
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

    /// Reads the keys of the secrets and the files.
    private static func fixed(_ configuration: AccessControlConfiguration, logger: Logger) throws(AccessControlError) -> FixedKeys {
        let (secretAlgorithm, rsaAlgorithm) = (configuration.secretAlgorithm, configuration.rsaAlgorithm)
        var constant: [VerificationKey] = []
        var files: [FixedKeys.File] = []
        for secret in [configuration.hs256Secret, configuration.hs256PreviousSecret].compactMap(\.self) {
            constant.append(try key(secret: secret, algorithm: secretAlgorithm, logger: logger))
        }
        // The previous secret is read last: a rotation writes it first, so that the secret's former content is never in neither of the two.
        for path in [configuration.hs256SecretFile, configuration.hs256PreviousSecretFile].compactMap(\.self) {
            files.append(
                FixedKeys.File(path: path, maximumBytes: SecretFile.maximumBytes) { content throws(AccessControlError) in
                    guard let secret = SecretFile.secret(in: content) else {
                        throw AccessControlError("\(path) is empty, or not UTF-8 text: it must hold a shared secret, and nothing else.")
                    }
                    return [try key(secret: secret, algorithm: secretAlgorithm, logger: logger)]
                }
            )
        }
        if let path = configuration.publicKeyFile {
            files.append(
                FixedKeys.File(path: path, maximumBytes: PublicKeyFile.maximumBytes) { content throws(AccessControlError) in
                    var keys: [VerificationKey] = []
                    for material in try PublicKeyFile.parse(String(decoding: content, as: UTF8.self), path: path) {
                        keys.append(try VerificationKey(material, algorithm: material.defaultAlgorithm(rsa: rsaAlgorithm)))
                    }
                    return keys
                }
            )
        }
        if let path = configuration.jwksFile {
            files.append(
                FixedKeys.File(path: path, maximumBytes: maximumKeySetBytes) { content throws(AccessControlError) in
                    try keys(jwks: content, path: path, rsaAlgorithm: rsaAlgorithm)
                }
            )
        }
        return try FixedKeys(constant: constant, files: files)
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

    private static func keys(jwks json: [UInt8], path: String, rsaAlgorithm: SignatureAlgorithm) throws(AccessControlError)
        -> [VerificationKey]
    {
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
