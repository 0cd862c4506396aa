public import Basics
import Crypto
import FoundationEssentials
public import Logging
import Synchronization

/// Verifies tokens, redeems tickets, and returns principals (contract §1, §13).
///
/// All checks are here: size and format, algorithm (must be the one that the selected key declares), signature, dates, issuer, audience, user,
/// tenant and revocation. Any thread; never blocks one.
public final class Authenticator: Sendable {
    private let rules: ClaimRules
    private let claimNames: ClaimNames
    private let maximumTokenBytes: Int
    private let signatures: SignatureVerifier
    private let cache: PrincipalCache
    private let now: WallClock
    private let refusesUntilRead: Bool
    private let tickets: (any TicketRedeemer)?
    /// The proxies that are asked for the client of a request.
    public let trustedProxies: TrustedProxies
    private let counts = Mutex(Counts())

    /// The revoked tokens.
    public let revocations: Revocations

    /// Reads the keys. A JWKS URL that does not respond yet is not an error here: until it does, ``authenticate(_:)`` throws.
    /// - Parameters:
    ///   - revocations: The revoked tokens, asked on every verification.
    ///   - refusesUntilRead: Whether valid tokens are refused, as retriable, before the revocations have been read once. False for an edge, which
    ///     then accepts tokens and refuses the streams.
    ///   - tickets: Redeems tickets; nil in a process without streams, where ``Credential`` refuses them.
    ///   - trustedProxies: The proxies that tell who sent a ticket.
    ///   - logger: Logs key changes and failed fetches; never a token.
    ///   - now: milliseconds since 1970 UTC.
    /// - Throws: ``AccessControlError`` when the configuration has no keys, or unusable ones.
    public init(
        configuration: AccessControlConfiguration,
        revocations: Revocations = Revocations(isRead: true),
        refusesUntilRead: Bool = true,
        tickets: (any TicketRedeemer)? = nil,
        trustedProxies: TrustedProxies = .none,
        logger: Logger,
        now: @escaping WallClock = SystemClock.now
    ) async throws(AccessControlError) {
        signatures = try SignatureVerifier(configuration, logger: logger, now: now)
        rules = ClaimRules(configuration)
        claimNames = ClaimNames(configuration)
        maximumTokenBytes = configuration.maximumTokenBytes
        cache = PrincipalCache(capacity: configuration.cacheCapacity)
        self.now = now
        self.revocations = revocations
        self.refusesUntilRead = refusesUntilRead
        self.tickets = tickets
        self.trustedProxies = trustedProxies
        await signatures.refreshIfDue()
    }

    /// Whether there is a key to verify with; false only while the only source, a JWKS URL, has never responded.
    public var hasKeys: Bool { !signatures.snapshot.keys.isEmpty }

    /// Returns why no keys were ever fetched from the JWKS URL, as a message with the URL; nil after the first success, or without a URL. Starts a fetch
    /// when one is due, since a process that is not ready gets no requests that would.
    public func keysAbsence() -> String? {
        guard let absence = signatures.absence else { return nil }
        Task { await signatures.refreshIfDue() }
        return absence
    }

    /// Rereads the secret and key files. Tokens of a key that was removed are refused from then on; open connections stay open. Blocks the
    /// calling thread while it reads. Cached tokens stay cached unless a content has changed.
    ///
    /// - Throws: ``AccessControlError`` for unusable files; their previous keys stay valid, and those of the other files are replaced.
    public func reload() throws(AccessControlError) {
        try signatures.reload()
    }

    /// Fetches the keys behind the URL, due or not, and waits.
    ///
    /// - Throws: ``AccessControlError`` when the fetch failed; the previous keys stay valid.
    public func refresh() async throws(AccessControlError) {
        try await signatures.refresh()
    }

    /// Verifies a token. Takes about 1 µs for a cached token and up to 100 µs for another; waits for the identity provider (bounded by its timeout)
    /// only when the keys are due, or when the token names an unknown key.
    public func authenticate(_ token: String) async throws(AuthenticationError) -> Principal {
        try await authenticate { () throws(AuthenticationError) in .token(token) }
    }

    /// Verifies the token, or redeems the ticket, that `credential` extracts from a request, and counts a refusal, also of a request
    /// without either.
    ///
    /// A redeemed ticket gives the principal of its token, which is refused if the token was revoked. Waits for the bus then.
    ///
    /// - Parameter client: who sent the request, asked for with a ticket only; nil when unknown.
    public func authenticate(
        from client: @autoclosure () -> ClientNetwork? = nil,
        _ credential: () throws(AuthenticationError) -> Credential
    ) async throws(AuthenticationError) -> Principal {
        var isTicket = false
        do throws(AuthenticationError) {
            switch try credential() {
            case .token(let token): return try unrevoked(try await verified(token))
            case .ticket(let text):
                isTicket = true
                let principal = try unrevoked(try await redeemed(text, from: client()))
                counts.withLock { $0.redeemedTickets += 1 }
                return principal
            }
        } catch {
            counts.withLock { counts in
                counts.refusals[error.reason, default: 0] += 1
                if isTicket { counts.ticketRefusals[error.reason, default: 0] += 1 }
            }
            throw error
        }
    }

    /// Numbers of requests since the start.
    private struct Counts {
        var refusals: [AuthenticationError.Reason: Int] = [:]
        var ticketRefusals: [AuthenticationError.Reason: Int] = [:]
        var redeemedTickets = 0
    }

    /// Requests refused so far because of their token or ticket, by reason.
    public var refusalsByReason: [AuthenticationError.Reason: Int] { counts.withLock { $0.refusals } }

    /// Those of them that had a ticket.
    public var ticketRefusalsByReason: [AuthenticationError.Reason: Int] { counts.withLock { $0.ticketRefusals } }

    /// Tickets redeemed so far.
    public var redeemedTickets: Int { counts.withLock { $0.redeemedTickets } }

    /// Returns the principal of a ticket, with its token revoked or not.
    private func redeemed(_ text: String, from client: ClientNetwork?) async throws(AuthenticationError) -> Principal {
        let redemption: TicketRedemption =
            if let ticket = Ticket(text) { await tickets?.redeem(ticket, from: client) ?? .unknown } else { .unknown }
        switch redemption {
        case .redeemed(let principal): return principal
        case .expired: throw AuthenticationError(.expired, "The ticket has expired: get a new one at POST /v1/tickets.")
        case .used:
            throw AuthenticationError(.usedTicket, "The ticket was used before: get a new one at POST /v1/tickets for each connection.")
        case .unknown:
            throw AuthenticationError(.unknownTicket, "The ticket is not known: get one at POST /v1/tickets, and use it within 30 s.")
        case .unavailable:
            throw AuthenticationError(
                .ticketsUnavailable,
                "The ticket cannot be checked now: try again shortly with a new one."
            )
        }
    }

    /// Returns the principal, unless its token is revoked.
    private func unrevoked(_ principal: Principal) throws(AuthenticationError) -> Principal {
        guard !revocations.concern(principal, at: now()) else {
            throw AuthenticationError(.revoked, "\(AuthenticationError.revokedWords): get a new one.")
        }
        guard revocations.isRead || !refusesUntilRead else {
            throw AuthenticationError(.revocationsUnread, "The revoked tokens have not been read from the bus yet: try again shortly.")
        }
        return principal
    }

    /// Returns the principal of a token, revoked or not.
    private func verified(_ token: String) async throws(AuthenticationError) -> Principal {
        let bytes = Array(token.utf8)
        guard !bytes.isEmpty else { throw Credential.missing }
        guard bytes.count <= maximumTokenBytes else {
            throw AuthenticationError(.malformed, "The token is longer than the \(maximumTokenBytes) bytes that are accepted.")
        }
        await signatures.refreshIfDue()
        let digest = SHA256.hash(data: bytes)
        if let principal = cache.principal(for: digest, keyGeneration: signatures.snapshot.generation, at: now()) { return principal }
        let parsed = try CompactToken(bytes, as: .access)
        let generation = try await signatures.verify(parsed)
        return try accept(parsed, digest, keyGeneration: generation)
    }

    /// Verifies a token without waiting. Takes as long as ``authenticate(_:)``.
    ///
    /// - Parameter mustBeKnown: whether only a token that was verified before is accepted, so that a flood of others is not verified twice.
    /// - Returns: nil for a token that is not accepted at once: it is invalid or revoked, or the keys have to be asked for. ``authenticate(_:)`` then
    ///   tells which.
    public func authenticateAtOnce(_ token: String, mustBeKnown: Bool = false) -> Principal? {
        verifiedAtOnce(token, mustBeKnown: mustBeKnown).flatMap { try? unrevoked($0) }
    }

    private func verifiedAtOnce(_ token: String, mustBeKnown: Bool) -> Principal? {
        let bytes = Array(token.utf8)
        guard !bytes.isEmpty, bytes.count <= maximumTokenBytes, !signatures.isRefreshDue else { return nil }
        let digest = SHA256.hash(data: bytes)
        let snapshot = signatures.snapshot
        if let principal = cache.principal(for: digest, keyGeneration: snapshot.generation, at: now()) { return principal }
        guard !mustBeKnown, let parsed = try? CompactToken(bytes, as: .access), snapshot.keys.verify(parsed) == .verified else {
            return nil
        }
        return try? accept(parsed, digest, keyGeneration: snapshot.generation)
    }

    /// Judges the claims of a token whose signature was verified, and caches its principal.
    private func accept(
        _ token: CompactToken,
        _ digest: SHA256Digest,
        keyGeneration: UInt64
    ) throws(AuthenticationError) -> Principal {
        let claims = try TokenClaims(json: token.payload, names: claimNames)
        let accepted = try rules.accept(claims, at: now())
        cache.insert(accepted, for: digest, keyGeneration: keyGeneration)
        return accepted.principal
    }
}
