import Basics

/// The configured names of claims (contract §1).
struct ClaimNames: Sendable {
    /// The claims that may name the tenant.
    private let tenants: [String]
    /// The claims that may hold the roles.
    private let roles: [ClaimPath]

    init(_ configuration: AccessControlConfiguration) {
        tenants = configuration.tenantClaims
        roles = configuration.roleClaims.map { ClaimPath($0) }
    }

    /// Returns the tenant: the first claim present; nil also when that is not a string.
    func tenant(in claims: JSONMembers) -> String? {
        tenants.first { claims.hasValue($0) }.flatMap { claims.text($0) }
    }

    /// Returns the strings of the first claim present.
    func roleNames(in claims: JSONMembers) -> [String] {
        for path in roles {
            if let place = path.place(in: claims) { return place.claims.strings(place.name) }
        }
        return []
    }
}

/// A configured place of a claim: a name, or else the names on the way to a member of a claim.
///
/// The whole name comes first, because names that are URLs have dots: `https://example.com/roles`.
private struct ClaimPath: Sendable {
    private let whole: String
    /// Empty for a name without dots.
    private let steps: [String]

    init(_ name: String) {
        whole = name
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        steps = parts.count > 1 ? parts.map { String($0) } : []
    }

    /// Returns the object and the name of the member in it; nil when it is absent or null.
    func place(in claims: JSONMembers) -> (claims: JSONMembers, name: String)? {
        if claims.hasValue(whole) { return (claims, whole) }
        guard let last = steps.last else { return nil }
        var object = claims
        for step in steps.dropLast() {
            guard let inner = try? object.object(step) else { return nil }
            object = inner
        }
        return object.hasValue(last) ? (object, last) : nil
    }
}

extension JSONMembers {
    /// The claim `aud`: a string, or the strings of an array.
    var audiences: [String] { text("aud").map { [$0] } ?? strings("aud") }
}
