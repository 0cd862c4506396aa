public import Basics
import Crypto
public import Logging
import Synchronization

/// Verifies Security Event Tokens (RFC 8417) of one issuer, and returns what they ask for (contract §13). Any thread; never blocks one,
/// except ``reload()``.
public final class SecurityEventVerifier: Sendable {
    private let rules: SecurityEventRules
    private let claimNames: ClaimNames
    private let signatures: SignatureVerifier
    /// SHA-256 of the bearer token: digests are compared in constant time.
    private let bearerDigest: SHA256Digest?
    private let now: WallClock
    private let refusals = Mutex<[SecurityEventError.Code: Int]>([:])

    /// Maximum size of a token in bytes.
    public let maximumBytes: Int

    /// Reads the keys. A JWKS URL that does not respond yet is not an error: until it does, ``verify(_:)`` throws retriable errors.
    ///
    /// - Parameters:
    ///   - logger: Logs key changes and failed fetches; never a token.
    ///   - now: milliseconds since 1970 UTC.
    /// - Throws: ``AccessControlError`` without issuer, audience or keys, or with unusable keys.
    public init(
        configuration: SecurityEventConfiguration,
        logger: Logger,
        now: @escaping WallClock = SystemClock.now
    ) async throws(AccessControlError) {
        guard let issuer = configuration.tokens.issuer, let audience = configuration.tokens.audience else {
            throw AccessControlError("Security events need an issuer and an audience: set both.")
        }
        guard configuration.bearerToken != "" else {
            throw AccessControlError("The bearer token of security events is empty: set one of at least 32 random bytes, or none.")
        }
        signatures = try SignatureVerifier(configuration.tokens, logger: logger, now: now)
        rules = SecurityEventRules(configuration, issuer: issuer, audience: audience)
        claimNames = ClaimNames(configuration.tokens)
        bearerDigest = configuration.bearerToken.map { SHA256.hash(data: Array($0.utf8)) }
        maximumBytes = configuration.tokens.maximumTokenBytes
        self.now = now
        await signatures.refreshIfDue()
    }

    /// Rereads the key files; see `Authenticator.reload()`.
    ///
    /// - Throws: ``AccessControlError`` for unusable files; their previous keys stay valid.
    public func reload() throws(AccessControlError) { try signatures.reload() }

    /// Fetches the keys behind the URL, due or not, and waits.
    ///
    /// - Throws: ``AccessControlError`` when the fetch failed; the previous keys stay valid.
    public func refresh() async throws(AccessControlError) { try await signatures.refresh() }

    /// Checks the transmitter's bearer token, where one is configured.
    ///
    /// - Parameter authorization: the values of all `Authorization` header fields.
    /// - Throws: `authenticationFailed`.
    public func authenticate(authorization: [String]) throws(SecurityEventError) {
        guard let bearerDigest else { return }
        try counting { () throws(SecurityEventError) in
            guard let token = try? Credential.bearer(authorization: authorization), SHA256.hash(data: Array(token.utf8)) == bearerDigest
            else {
                throw SecurityEventError(
                    .authenticationFailed,
                    "The header Authorization must carry the bearer token that is configured here for security events."
                )
            }
        }
    }

    /// Verifies a token in compact serialization. Waits for the issuer's keys as `Authenticator` does.
    public func verify(_ token: [UInt8]) async throws(SecurityEventError) -> SecurityEvents {
        do throws(SecurityEventError) {
            let parsed = try await verified(token)
            return try rules.accept(try SecurityEventClaims(json: parsed.payload, names: claimNames), at: now())
        } catch {
            count(error)
            throw error
        }
    }

    /// Refused tokens and transmitters so far, by code, without retriable errors.
    public var refusalsByCode: [SecurityEventError.Code: Int] { refusals.withLock { $0 } }

    private func verified(_ token: [UInt8]) async throws(SecurityEventError) -> CompactToken {
        guard token.count <= maximumBytes else {
            throw SecurityEventError(.invalidRequest, "The token is longer than the \(maximumBytes) bytes that are accepted.")
        }
        do throws(AuthenticationError) {
            let parsed = try CompactToken(token, as: .securityEvent)
            await signatures.refreshIfDue()
            _ = try await signatures.verify(parsed)
            return parsed
        } catch {
            throw SecurityEventError(error)
        }
    }

    private func counting(_ check: () throws(SecurityEventError) -> Void) throws(SecurityEventError) {
        do throws(SecurityEventError) {
            try check()
        } catch {
            count(error)
            throw error
        }
    }

    private func count(_ error: SecurityEventError) {
        if !error.isRetriable { refusals.withLock { $0[error.code, default: 0] += 1 } }
    }
}
