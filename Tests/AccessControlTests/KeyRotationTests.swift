import Basics
import Crypto
import CryptoExtras
import Foundation
import Logging
import Synchronization
import TestKit
import Testing

@testable import AccessControl

/// Keys that are replaced while a process runs (contract §1).
@Suite("Key rotation")
struct KeyRotationTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private let directory: TestKit.TemporaryDirectory
    private let old = "the former secret of more than 32 bytes"
    private let new = "the present secret of more than 32 bytes"
    private let next = "the coming secret of more than 32 bytes"

    init() throws {
        directory = try TestKit.TemporaryDirectory()
    }

    @Test("Tokens of both secrets are accepted, and of no third one")
    func twoSecrets() async throws {
        var configuration = AccessControlConfiguration(hs256Secret: new)
        configuration.hs256PreviousSecret = old
        let authenticator = try await Authenticator(configuration: configuration, logger: logger)
        try await expect(authenticator, accepts: [token(secret: new), token(secret: old)], refuses: [token(secret: next)])
    }

    @Test("No valid token is refused in any step of a rotation, and the old secret's tokens are refused after the last one")
    func rotatedSecretFiles() async throws {
        var configuration = AccessControlConfiguration()
        configuration.hs256SecretFile = try directory.write(old, to: "secret")
        configuration.hs256PreviousSecretFile = try directory.write(old, to: "previous")
        let authenticator = try await Authenticator(configuration: configuration, logger: logger)
        let (oldToken, newToken) = (try token(secret: old), try token(secret: new))
        try await expect(authenticator, accepts: [oldToken], refuses: [newToken])

        try directory.write(new, to: "secret")
        try authenticator.reload()
        try await expect(authenticator, accepts: [oldToken, newToken], refuses: [])

        try directory.write(new, to: "previous")
        try authenticator.reload()
        try await expect(authenticator, accepts: [newToken], refuses: [oldToken])
    }

    @Test("Several public keys of one PEM file verify, until one is removed")
    func rotatedPublicKeys() async throws {
        let keys = try TestKeys.shared.get()
        var configuration = AccessControlConfiguration()
        let (oldKey, newKey) = (keys.p256.publicKey.pemRepresentation, keys.ed25519.publicKey.pemRepresentation)
        configuration.publicKeyFile = try directory.write(oldKey, to: "public.pem")
        let authenticator = try await Authenticator(configuration: configuration, logger: logger)
        // An issuer's own key id does not matter: keys of a PEM file have none.
        let oldToken = try token(header: #"{"alg":"ES256","kid":"2025"}"#, .es256(keys.p256))
        let newToken = try token(header: #"{"alg":"EdDSA","kid":"2026"}"#, .edDSA(keys.ed25519))
        try await expect(authenticator, accepts: [oldToken], refuses: [newToken])

        try directory.write("\(newKey)\n\(oldKey)", to: "public.pem")
        try authenticator.reload()
        try await expect(authenticator, accepts: [oldToken, newToken], refuses: [])

        try directory.write(newKey, to: "public.pem")
        try authenticator.reload()
        try await expect(authenticator, accepts: [newToken], refuses: [oldToken])
    }

    @Test("An unusable file keeps its previous keys, is named, and does not hold up the other files", arguments: ["", "{", nil])
    func unusableFile(_ content: String?) async throws {
        let keys = try TestKeys.shared.get()
        var configuration = AccessControlConfiguration()
        configuration.hs256SecretFile = try directory.write(old, to: "secret")
        configuration.jwksFile = try directory.write(keySet(keys.p256, "k"), to: "jwks.json")
        let authenticator = try await Authenticator(configuration: configuration, logger: logger)
        let keyToken = try token(header: #"{"alg":"ES256","kid":"k"}"#, .es256(keys.p256))

        try directory.write(new, to: "secret")
        if let content {
            try directory.write(content, to: "jwks.json")
        } else {
            try FileManager.default.removeItem(atPath: directory.file("jwks.json"))
        }
        for _ in 1...2 {
            let error = #expect(throws: AccessControlError.self) { try authenticator.reload() }
            #expect(error?.message.contains("jwks.json") == true)
            try await expect(authenticator, accepts: [keyToken, token(secret: new)], refuses: [token(secret: old)])
        }

        try directory.write(keySet(keys.otherP256, "l"), to: "jwks.json")
        try authenticator.reload()
        let otherToken = try token(header: #"{"alg":"ES256","kid":"l"}"#, .es256(keys.otherP256))
        try await expect(authenticator, accepts: [otherToken, token(secret: new)], refuses: [keyToken])
    }

    @Test("A reload of unchanged files replaces no keys, so that cached tokens stay cached")
    func unchangedFiles() throws {
        let path = try directory.write(old, to: "secret")
        let file = FixedKeys.File(path: path, maximumBytes: 100) { content throws(AccessControlError) in
            [try VerificationKey(.secret(SymmetricKey(data: content)), algorithm: .hs256)]
        }
        let keys = try FixedKeys(constant: [], files: [file])
        let replaced = Mutex(0)
        func reload() throws { try keys.reload { _ in replaced.withLock { $0 += 1 } } }
        try reload()
        #expect(replaced.withLock { $0 } == 0)
        // As a container platform does it: another file under the same name.
        try FileManager.default.removeItem(atPath: directory.file("secret"))
        try directory.write(old, to: "secret")
        try reload()
        #expect(replaced.withLock { $0 } == 0)
        try directory.write(new, to: "secret")
        try reload()
        try reload()
        #expect(replaced.withLock { $0 } == 1)
    }

    private func keySet(_ key: P256.Signing.PrivateKey, _ kid: String) throws -> String {
        String(decoding: try JWKForge.set([JWKForge.p256(key, kid: kid)]), as: UTF8.self)
    }

    private func token(secret: String) throws -> String {
        try token(header: #"{"alg":"HS256"}"#, .hmac256(Data(secret.utf8)))
    }

    private func token(header: String, _ signer: Signer) throws -> String {
        try Forge.token(header: header, claims: #"{"sub":"ann","tenant_id":"acme","exp":4000000000}"#, signer: signer)
    }

    /// Twice each, at both doors: the second time a token may come from the cache.
    private func expect(_ authenticator: Authenticator, accepts accepted: [String], refuses refused: [String]) async throws {
        for _ in 1...2 {
            for token in accepted {
                #expect(authenticator.authenticateAtOnce(token) != nil)
                #expect(try await authenticator.authenticate(token).user.text == "ann")
            }
            for token in refused {
                #expect(authenticator.authenticateAtOnce(token) == nil)
                await #expect(throws: AuthenticationError.self) { try await authenticator.authenticate(token) }
            }
        }
    }
}
