import Crypto
import CryptoExtras
import SwiftASN1
import X509

/// A PEM file with one public key or certificate (RFC 7468).
enum PublicKeyFile {
    static let maximumBytes = 64 * 1024

    /// Reads the key and detects its type.
    static func read(_ path: String) throws(AccessControlError) -> KeyMaterial {
        let bytes = try KeyFile.read(path, maximumBytes: maximumBytes)
        return try parse(String(decoding: bytes, as: UTF8.self), path: path)
    }

    static func parse(_ pem: String, path: String) throws(AccessControlError) -> KeyMaterial {
        let labels = pem.split(separator: "\n").map { $0.trimmingSpaces() }
            .filter { $0.hasPrefix("-----BEGIN ") && $0.hasSuffix("-----") }
            .map { $0.dropFirst("-----BEGIN ".count).dropLast("-----".count) }
        guard !labels.contains(where: { $0.hasSuffix("PRIVATE KEY") }) else {
            throw AccessControlError(
                "\(path) holds a private key: give this service the public key only, and keep the private one with the issuer."
            )
        }
        guard let label = labels.first else {
            throw AccessControlError(
                "\(path) is not a PEM file: it must begin with -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE-----."
            )
        }
        guard labels.count == 1 else {
            throw AccessControlError("\(path) holds \(labels.count) keys: give one, or put several into a JSON Web Key Set.")
        }
        guard let material = label == "CERTIFICATE" ? certificateKey(pem) : publicKey(pem) else {
            throw AccessControlError(
                "\(path) holds no key that can be used: it must be RSA of at least 2048 bits, EC P-256, EC P-384 or Ed25519."
            )
        }
        return material
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

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        let end = lastIndex { !$0.isWhitespace }.map(index(after:)) ?? startIndex
        return self[..<end].drop(while: \.isWhitespace)
    }
}
