import Basics
import Logging

/// Verifies signatures with the keys of a configuration, which it rereads and fetches again. Any thread; never blocks one, except
/// ``reload()``.
final class SignatureVerifier: Sendable {
    private let fixedKeys: FixedKeys
    private let ring: KeyRing

    /// Reads the keys. Does not wait for a JWKS URL: ``refreshIfDue()`` fetches.
    ///
    /// - Throws: ``AccessControlError`` when the configuration has no keys, or unusable ones.
    init(_ configuration: AccessControlConfiguration, logger: Logger, now: @escaping WallClock) throws(AccessControlError) {
        let sources = try KeySources(configuration, logger: logger)
        fixedKeys = sources.fixed
        ring = KeyRing(fixed: fixedKeys.keys, document: sources.document, configuration: configuration, logger: logger, now: now)
    }

    /// The keys in force.
    var snapshot: KeyRing.Snapshot { ring.snapshot }

    /// See ``KeyRing/absence``.
    var absence: String? { ring.absence }

    /// See ``KeyRing/isRefreshDue``.
    var isRefreshDue: Bool { ring.isRefreshDue }

    /// See ``KeyRing/refreshIfDue()``.
    func refreshIfDue() async { await ring.refreshIfDue() }

    /// See ``KeyRing/refresh()``.
    func refresh() async throws(AccessControlError) { try await ring.refresh() }

    /// Rereads the secret and key files. Blocks the calling thread while it reads.
    ///
    /// - Throws: ``AccessControlError`` for unusable files; their previous keys stay valid, and those of the other files are replaced.
    func reload() throws(AccessControlError) {
        try fixedKeys.reload { ring.replaceFixed($0) }
    }

    /// Verifies a signature. Waits for the identity provider, within its timeout, only when the token names an unknown key.
    ///
    /// - Returns: the generation of the verifying keys.
    /// - Throws: the refusal of the signature; `keysUnavailable` when the keys may be unknown only because the provider cannot be reached.
    func verify(_ token: CompactToken) async throws(AuthenticationError) -> UInt64 {
        var snapshot = ring.snapshot
        var verdict = snapshot.keys.verify(token)
        var mayBeUnseen = !snapshot.isComplete
        if verdict != .verified, let keyID = token.keyID, !snapshot.keys.contains(keyID: keyID) {
            await ring.refreshForUnknownKey()
            snapshot = ring.snapshot
            verdict = snapshot.keys.verify(token)
            // While the provider is unreachable, the key may exist there.
            mayBeUnseen = !snapshot.isComplete || !snapshot.keys.contains(keyID: keyID) && ring.isOutdated
        }
        if verdict != .verified, mayBeUnseen, !token.algorithm.isSymmetric {
            throw AuthenticationError(
                .keysUnavailable,
                "The identity provider cannot be reached, so the token cannot be checked: try again shortly."
            )
        }
        switch verdict {
        case .verified:
            return snapshot.generation
        case .badSignature:
            throw AuthenticationError(.badSignature, "The token's signature does not fit: it was altered, or signed with another key.")
        case .unknownKey:
            throw AuthenticationError(.unknownKey, "The token is signed with a key that is not known here.")
        case .otherAlgorithm:
            throw AuthenticationError(.unsupportedAlgorithm, "The token is not signed with the algorithm that its key is used for here.")
        case .ambiguous:
            throw AuthenticationError(.unknownKey, "The token must say in its header, as \"kid\", which key it is signed with.")
        }
    }
}
