import Crypto
import CryptoExtras
import SwiftASN1
import X509

/// A PEM file with public keys, or one certificate (RFC 7468).
enum PublicKeyFile {
    static let maximumBytes = 64 * 1024
    /// Maximum number of keys: they have no ids, so a token is tried with each.
    static let maximumKeys = KeySet.maximumTrials

    /// Reads the keys and detects their types.
    ///
    /// - Parameter path: For error messages.
    static func parse(_ pem: String, path: String) throws(AccessControlError) -> [KeyMaterial] {
        let blocks = PEMBlock.blocks(pem)
        guard !blocks.contains(where: { $0.label.hasSuffix("PRIVATE KEY") }) else {
            throw AccessControlError(
                "\(path) holds a private key: give this service the public key only, and keep the private one with the issuer."
            )
        }
        guard !blocks.isEmpty else {
            throw AccessControlError(
                "\(path) is not a PEM file: it must begin with -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE-----."
            )
        }
        guard blocks.count <= maximumKeys else {
            throw AccessControlError(
                "\(path) holds \(blocks.count) keys: give at most \(maximumKeys), or put them with key ids into a JSON Web Key Set."
            )
        }
        // Further certificates are mostly those of authorities, which sign no tokens.
        guard blocks.count(where: \.isCertificate) <= 1 else {
            throw AccessControlError(
                "\(path) holds several certificates: give one, or the public key of each (openssl x509 -pubkey -noout)."
            )
        }
        let materials = blocks.compactMap { $0.isCertificate ? certificateKey($0.text) : publicKey($0.text) }
        guard materials.count == blocks.count else {
            throw AccessControlError(
                "\(path) holds a key that cannot be used: it must be RSA of at least 2048 bits, EC P-256, EC P-384 or Ed25519."
            )
        }
        return materials
    }

    private static func publicKey(_ pem: String) -> KeyMaterial? {
        if let key = try? _RSA.Signing.PublicKey(pemRepresentation: pem) { return .rsa(ofFullLength: key) }
        if let key = try? P256.Signing.PublicKey(pemRepresentation: pem) { return .p256(key) }
        if let key = try? P384.Signing.PublicKey(pemRepresentation: pem) { return .p384(key) }
        if let key = try? Curve25519.Signing.PublicKey(pemRepresentation: pem) { return .ed25519(key) }
        return nil
    }

    private static func certificateKey(_ pem: String) -> KeyMaterial? {
        guard let subject = try? Certificate(pemEncoded: pem).publicKey else { return nil }
        if let key = _RSA.Signing.PublicKey(subject) { return .rsa(ofFullLength: key) }
        if let key = P256.Signing.PublicKey(subject) { return .p256(key) }
        if let key = P384.Signing.PublicKey(subject) { return .p384(key) }
        if let key = Curve25519.Signing.PublicKey(subject) { return .ed25519(key) }
        return nil
    }
}
