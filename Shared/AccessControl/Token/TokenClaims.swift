import Basics

/// The parsed claims of a token with a valid signature; ``ClaimRules`` validates them.
struct TokenClaims {
    var subject: String?
    /// The first tenant claim present; nil also when it is not a string.
    var tenant: String?
    var roles: Set<Role> = []
    /// See ``Principal/otherRoles``.
    var otherRoles: [String] = []
    /// `exp`, `nbf`, `iat`: seconds since 1970 UTC, possibly with a fraction (RFC 7519 §2, NumericDate).
    var expiry: Double?
    var notBefore: Double?
    var issuedAt: Double?
    /// `jti`; nil also when it is no string, or none that a revocation can name.
    var tokenID: TokenID?
    var issuer: String?
    var audiences: [String] = []
    var email: String?
    var scope: String?

    /// Parses the claims.
    /// - Throws: `malformed` when it is not a JSON object, has a duplicate member at any depth (RFC 7519 §4), or `sub` or a date has the wrong type.
    init(json: [UInt8], names: ClaimNames) throws(AuthenticationError) {
        do {
            self = try Self(JSONMembers(json), names)
        } catch let error as JSONSyntaxError {
            throw AuthenticationError(.malformed, "The token's claims are not valid JSON: \(error.problem) at byte \(error.offset).")
        } catch {
            throw AuthenticationError(
                .malformed,
                "The token's claims must be a JSON object with a string \"sub\" and numbers \"exp\", \"nbf\" and \"iat\"."
            )
        }
    }
}

extension TokenClaims {
    private init(_ claims: JSONMembers, _ names: ClaimNames) throws(JSONMembers.TypeMismatch) {
        subject = try claims.string("sub")
        expiry = try claims.number("exp")
        notBefore = try claims.number("nbf")
        issuedAt = try claims.number("iat")
        tokenID = claims.text("jti").flatMap { try? TokenID($0) }
        tenant = names.tenant(in: claims)
        let roleNames = names.roleNames(in: claims)
        roles = Set(roleNames.compactMap(Role.init))
        otherRoles = Self.otherRoles(roleNames)
        issuer = claims.text("iss")
        audiences = claims.audiences
        email = claims.text("email")
        scope = claims.text("scope")
    }

    /// The valid names that are no ``Role``; the first ``Principal/maximumOtherRoles`` of them.
    private static func otherRoles(_ names: [String]) -> [String] {
        var others: Set<String> = []
        for name in names where Role(rawValue: name) == nil && (try? RoleName.check(name, field: "roles")) != nil {
            guard others.count < Principal.maximumOtherRoles else { break }
            others.insert(name)
        }
        return others.isEmpty ? [] : others.sorted()
    }
}
