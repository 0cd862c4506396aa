import Basics

/// Validates a token's claims (contract §1). Pure: the time is a parameter.
struct ClaimRules: Sendable {
    /// The last second of the year 9999. A later `exp` is clamped, since it would overflow a timer.
    static let latestExpiry = 253_402_300_799.0

    private let issuer: String?
    private let audience: String?
    private let leeway: Int64
    private let expiryLeeway: Int64
    private let tenantClaims: [String]

    init(_ configuration: AccessControlConfiguration) {
        issuer = configuration.issuer
        audience = configuration.audience
        leeway = configuration.leeway.milliseconds
        expiryLeeway = configuration.expiryLeeway.milliseconds
        tenantClaims = configuration.tenantClaims
    }

    /// A principal with its expiry in milliseconds since 1970 UTC.
    struct Accepted {
        let principal: Principal
        let expiry: Int64
    }

    /// Validates `claims` at `now`, in milliseconds since 1970 UTC.
    func accept(_ claims: TokenClaims, at now: Int64) throws(AuthenticationError) -> Accepted {
        guard let exp = claims.expiry else {
            throw AuthenticationError(.noExpiry, "The token never expires, which is not accepted here: give it the claim \"exp\".")
        }
        let expiry = Self.milliseconds(exp) + expiryLeeway
        guard now < expiry else {
            throw AuthenticationError(.expired, "The token has expired: get a new one.")
        }
        for start in [claims.notBefore, claims.issuedAt].compactMap(\.self) where Self.milliseconds(start) > now + leeway {
            throw AuthenticationError(.notYetValid, "The token is not valid yet: check the clocks of this machine and of the issuer.")
        }
        if let issuer, !Self.equal(claims.issuer, issuer) {
            throw AuthenticationError(.wrongIssuer, "The token was issued by somebody else than this service trusts.")
        }
        if let audience, !claims.audiences.contains(where: { Self.equal($0, audience) }) {
            throw AuthenticationError(.wrongAudience, "The token was issued for another service: ask for one with this service's audience.")
        }
        guard let user = claims.subject.flatMap({ try? UserID($0) }) else {
            throw AuthenticationError(
                .noSubject,
                "The token names no user: its claim \"sub\" must have 1 to \(IdentifierKinds.User.maximumBytes) bytes and no control characters."
            )
        }
        guard let tenant = claims.tenant.flatMap({ try? Tenant($0) }) else {
            throw AuthenticationError(
                .noTenant,
                "The token names no tenant: the first of its claims \(tenantClaims.joined(separator: ", ")) "
                    + "must be a string of 1 to \(IdentifierKinds.Tenant.maximumBytes) bytes without control characters."
            )
        }
        let principal = Principal(
            user: user,
            tenant: tenant,
            roles: claims.roles,
            otherRoles: claims.otherRoles,
            expiresAt: expiry.flooredSeconds,
            tokenID: claims.tokenID,
            issuedAt: claims.issuedAt.map(Self.milliseconds),
            email: claims.email,
            scope: claims.scope
        )
        return Accepted(principal: principal, expiry: expiry)
    }

    /// Converts a NumericDate to milliseconds, rounded down and clamped to the range of timers. JSON has no NaN and no infinity.
    static func milliseconds(_ date: Double) -> Int64 {
        Int64((min(max(date, -latestExpiry), latestExpiry) * 1000).rounded(.down))
    }

    /// Compares bytes, so that canonically equivalent spellings are different names.
    static func equal(_ value: String?, _ expected: String) -> Bool {
        value.map { $0.utf8.elementsEqual(expected.utf8) } ?? false
    }
}

extension Int64 {
    /// Milliseconds as whole seconds, rounded down also before 1970.
    fileprivate var flooredSeconds: Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
