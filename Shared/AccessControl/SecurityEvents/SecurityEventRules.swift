import Basics

/// What a Security Event Token asks for.
public struct SecurityEvents: Sendable, Hashable {
    /// The tokens to revoke; nil when it has no event about them, or all of them have expired.
    public var revocation: Revocation?
    /// Number of events that are accepted and change nothing.
    public var ignored: Int
}

/// Validates a Security Event Token's claims, and maps its event to a revocation (contract §13). Pure: the time is a parameter.
struct SecurityEventRules: Sendable {
    private let issuer: String
    private let audience: String
    private let userIssuers: [String]
    private let tenant: Tenant?
    private let tenantClaims: [String]
    private let leeway: Int64
    private let maximumTokenLife: Int64

    /// A later time is in milliseconds: drafts of CAEP have those, and in seconds it would be the year 5138.
    private static let latestSecond = 1e11

    init(_ configuration: SecurityEventConfiguration, issuer: String, audience: String) {
        self.issuer = issuer
        self.audience = audience
        userIssuers = [issuer] + configuration.userIssuers
        tenant = configuration.tenant
        tenantClaims = configuration.tokens.tenantClaims
        leeway = configuration.tokens.leeway.milliseconds
        maximumTokenLife = configuration.maximumTokenLife.milliseconds
    }

    /// Validates `claims` at `now`, in milliseconds since 1970 UTC.
    ///
    /// The revocation depends on the claims alone, so that a repeated token changes nothing.
    func accept(_ claims: SecurityEventClaims, at now: Int64) throws(SecurityEventError) -> SecurityEvents {
        guard ClaimRules.equal(claims.issuer, issuer) else {
            throw SecurityEventError(.invalidIssuer, "The token was issued by somebody else than this service trusts with security events.")
        }
        guard claims.audiences.contains(where: { ClaimRules.equal($0, audience) }) else {
            throw SecurityEventError(.invalidAudience, "The token is for another recipient: issue it with this service's audience.")
        }
        guard !claims.hasExpiry else {
            throw SecurityEventError(
                .invalidRequest,
                "The token has the claim \"exp\", which no security event has: issue it without."
            )
        }
        guard let tokenID = claims.tokenID, !tokenID.isEmpty, let issued = claims.issuedAt.map(ClaimRules.milliseconds) else {
            throw SecurityEventError(.invalidRequest, "The token must have the claims \"jti\" and \"iat\".")
        }
        guard claims.eventCount > 0 else {
            throw SecurityEventError(
                .invalidRequest,
                "The token has no event: its claim \"events\" must be an object with at least one member."
            )
        }
        let time = claims.sessionRevoked?.timestamp.map(Self.milliseconds) ?? issued
        guard issued <= now + leeway, time <= now + leeway else {
            throw SecurityEventError(
                .invalidRequest,
                "The token or its event is in the future: check the clocks of this machine and of the issuer."
            )
        }
        guard let event = claims.sessionRevoked else { return SecurityEvents(revocation: nil, ignored: claims.eventCount) }
        let subject = try Self.subject(of: event)
        let revocation = Revocation(
            tenant: try tenant(of: subject, claims),
            // A time in whole seconds is rounded down, as `iat` is. Tokens of the same second may be older than the event: they count as older.
            target: try target(subject, issuedBefore: time.isMultiple(of: 1000) ? time + 1000 : time),
            // The last of the tokens that were issued before has expired then.
            expiresAt: time + maximumTokenLife
        )
        guard now < revocation.expiresAt else { return SecurityEvents(revocation: nil, ignored: claims.eventCount) }
        return SecurityEvents(revocation: revocation, ignored: claims.eventCount - 1)
    }

    private static func milliseconds(_ date: Double) -> Int64 {
        ClaimRules.milliseconds(date > latestSecond ? date / 1000 : date)
    }

    private static func subject(of event: SecurityEventClaims.SessionRevoked) throws(SecurityEventError) -> SubjectIdentifier {
        guard let subject = event.subjects.first else {
            throw SecurityEventError(.invalidRequest, "The event has no subject: give the token the claim \"sub_id\".")
        }
        guard event.subjects.allSatisfy({ $0 == subject }) else {
            throw SecurityEventError(.invalidRequest, "The token has two different subjects: send \"sub_id\" alone.")
        }
        return subject
    }

    /// Returns which tokens to revoke. Sessions are known by the `jti` of a token only: another identifier of a session revokes all earlier
    /// tokens of its user.
    private func target(_ subject: SubjectIdentifier, issuedBefore: Int64) throws(SecurityEventError) -> Revocation.Target {
        switch subject {
        case .opaque(let id): return try user(id, issuedBefore)
        case .user(let issuer, let id):
            try checkIssuer(issuer)
            return try user(id, issuedBefore)
        case .token(let issuer, let id):
            try checkIssuer(issuer)
            guard let id = try? TokenID(id) else { throw Self.badIdentifier("\"jti\"", maximumBytes: IdentifierKinds.Token.maximumBytes) }
            return .token(id)
        case .complex(_, let session?, _) where session.isToken: return try target(session, issuedBefore: issuedBefore)
        case .complex(let user?, _, _) where user.isUser: return try target(user, issuedBefore: issuedBefore)
        case .complex, .other:
            throw SecurityEventError(
                .invalidRequest,
                "The subject names neither a user nor a token that could be known here: send the format iss_sub, opaque or jwt_id, or complex with a user in one "
                    + "of the first two, or with a session in the last."
            )
        }
    }

    private func user(_ text: String, _ issuedBefore: Int64) throws(SecurityEventError) -> Revocation.Target {
        guard let user = try? UserID(text) else { throw Self.badIdentifier("user", maximumBytes: IdentifierKinds.User.maximumBytes) }
        return .user(user, issuedBefore: issuedBefore)
    }

    private func checkIssuer(_ issuer: String) throws(SecurityEventError) {
        guard userIssuers.contains(where: { ClaimRules.equal(issuer, $0) }) else {
            throw SecurityEventError(.invalidRequest, "The subject belongs to another issuer than the one whose tokens are accepted here.")
        }
    }

    /// Returns the tenant: that of the subject, or of the first tenant claim present, or the configured one, which no other may contradict.
    private func tenant(of subject: SubjectIdentifier, _ claims: SecurityEventClaims) throws(SecurityEventError) -> Tenant {
        var names = [claims.tenant].compactMap(\.self)
        if case .complex(_, _, let part?) = subject {
            switch part {
            case .opaque(let id): names.append(id)
            case .user(let issuer, let id):
                try checkIssuer(issuer)
                names.append(id)
            case .token, .complex, .other:
                throw SecurityEventError(.invalidRequest, "The subject's tenant must have the format opaque or iss_sub.")
            }
        }
        guard let name = names.first else {
            guard let tenant else {
                throw SecurityEventError(
                    .invalidRequest,
                    "The token names no tenant: send a complex subject with \"tenant\", or one of the claims \(tenantClaims.joined(separator: ", "))."
                )
            }
            return tenant
        }
        guard names.allSatisfy({ ClaimRules.equal($0, name) }) else {
            throw SecurityEventError(.invalidRequest, "The subject and the claims name different tenants.")
        }
        guard let named = try? Tenant(name) else { throw Self.badIdentifier("tenant", maximumBytes: IdentifierKinds.Tenant.maximumBytes) }
        guard tenant == nil || tenant == named else {
            throw SecurityEventError(.accessDenied, "The issuer may not revoke tokens of this tenant.")
        }
        return named
    }

    private static func badIdentifier(_ name: String, maximumBytes: Int) -> SecurityEventError {
        SecurityEventError(.invalidRequest, "The subject's \(name) must have 1 to \(maximumBytes) bytes and no control characters.")
    }
}

extension SubjectIdentifier {
    fileprivate var isToken: Bool { if case .token = self { true } else { false } }

    fileprivate var isUser: Bool {
        switch self {
        case .opaque, .user: true
        case .token, .complex, .other: false
        }
    }
}
