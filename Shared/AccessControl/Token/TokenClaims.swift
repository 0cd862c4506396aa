import Basics
import FoundationEssentials

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
            try JSONDocument.check(json)
            self = try JSONDecoder().decode(Self.self, from: Data(json), configuration: names)
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

extension TokenClaims: DecodableWithConfiguration {
    init(from decoder: any Decoder, configuration names: ClaimNames) throws {
        let claims = try decoder.container(keyedBy: ClaimName.self)
        subject = try claims.decodeIfPresent(String.self, forKey: ClaimName("sub"))
        expiry = try claims.decodeIfPresent(Double.self, forKey: ClaimName("exp"))
        notBefore = try claims.decodeIfPresent(Double.self, forKey: ClaimName("nbf"))
        issuedAt = try claims.decodeIfPresent(Double.self, forKey: ClaimName("iat"))
        tokenID = (try? claims.decodeIfPresent(String.self, forKey: ClaimName("jti"))).flatMap { try? TokenID($0) }
        tenant = names.tenant(in: claims)
        let roleNames = names.roles.lazy.compactMap { $0.place(in: claims) }.first.map { $0.claims.strings($0.name) } ?? []
        roles = Set(roleNames.compactMap(Role.init))
        otherRoles = Self.otherRoles(roleNames)
        issuer = try? claims.decodeIfPresent(String.self, forKey: ClaimName("iss"))
        audiences = claims.audiences
        email = try? claims.decodeIfPresent(String.self, forKey: ClaimName("email"))
        scope = try? claims.decodeIfPresent(String.self, forKey: ClaimName("scope"))
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
