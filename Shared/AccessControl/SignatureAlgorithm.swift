/// The signature algorithms of contract §1, under their names in a token's header (RFC 7518 §3.1, RFC 8037 §3.1).
///
/// `none` and others are not values of this type, so they cannot be accepted by mistake.
public enum SignatureAlgorithm: String, Sendable, Hashable, CaseIterable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case ps256 = "PS256"
    case es256 = "ES256"
    case es384 = "ES384"
    case edDSA = "EdDSA"

    /// The hash size of an HMAC algorithm in bytes, also the minimum size of its secret (RFC 7518 §3.2); nil for the others.
    var secretBytes: Int? {
        switch self {
        case .hs256: 32
        case .hs384: 48
        case .hs512: 64
        case .rs256, .ps256, .es256, .es384, .edDSA: nil
        }
    }

    /// Whether the key is a shared secret.
    var isSymmetric: Bool { secretBytes != nil }

    /// Whether an RSA key can carry this algorithm.
    var isRSA: Bool { self == .rs256 || self == .ps256 }
}
