/// A coding key with a dynamic name, because claim names are configurable.
struct ClaimName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// The configured names of claims (contract §1).
struct ClaimNames: Sendable {
    /// The claims that may name the tenant.
    let tenants: [ClaimName]
    /// The claims that may hold the roles.
    let roles: [ClaimPath]

    init(_ configuration: AccessControlConfiguration) {
        tenants = configuration.tenantClaims.map { ClaimName($0) }
        roles = configuration.roleClaims.map { ClaimPath($0) }
    }

    /// Returns the tenant: the first claim present; nil also when that is not a string.
    func tenant(in claims: KeyedDecodingContainer<ClaimName>) -> String? {
        tenants.first { claims.hasValue($0) }.flatMap { try? claims.decode(String.self, forKey: $0) }
    }
}

/// A configured place of a claim: a name, or else the names on the way to a member of a claim.
///
/// The whole name comes first, because names that are URLs have dots: `https://example.com/roles`.
struct ClaimPath: Sendable {
    private let whole: ClaimName
    /// Empty for a name without dots.
    private let steps: [ClaimName]

    init(_ name: String) {
        whole = ClaimName(name)
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        steps = parts.count > 1 ? parts.map { ClaimName(String($0)) } : []
    }

    /// Returns the object and the name of the member in it; nil when it is absent or null.
    func place(in claims: KeyedDecodingContainer<ClaimName>) -> (claims: KeyedDecodingContainer<ClaimName>, name: ClaimName)? {
        if claims.hasValue(whole) { return (claims, whole) }
        guard let last = steps.last else { return nil }
        var object = claims
        for step in steps.dropLast() {
            guard let inner = try? object.nestedContainer(keyedBy: ClaimName.self, forKey: step) else { return nil }
            object = inner
        }
        return object.hasValue(last) ? (object, last) : nil
    }
}

extension KeyedDecodingContainer<ClaimName> {
    /// Whether the member is present and not null.
    func hasValue(_ name: ClaimName) -> Bool { contains(name) && (try? decodeNil(forKey: name)) == false }

    /// The claim `aud`: a string, or the strings of an array.
    var audiences: [String] {
        let name = ClaimName("aud")
        return (try? decodeIfPresent(String.self, forKey: name)).map { [$0] } ?? strings(name)
    }

    /// The strings of an array; none when the member is another value or absent.
    func strings(_ name: ClaimName) -> [String] {
        let elements = try? decodeIfPresent([PossibleString].self, forKey: name)
        return elements?.compactMap(\.value) ?? []
    }
}

/// An array element of any type; only strings are kept.
private struct PossibleString: Decodable {
    let value: String?

    init(from decoder: any Decoder) throws {
        value = try? decoder.singleValueContainer().decode(String.self)
    }
}
