import Basics

/// A parsed, unverified JWS in compact serialization (RFC 7515 §3.1).
///
/// Reads only `alg`, `kid`, `typ` and `crit` of the header. Keys in the token or its URLs (`jwk`, `jku`, `x5c`, `x5u`) are ignored: a token
/// does not choose its verification key.
struct CompactToken {
    /// The only algorithm that may verify it.
    let algorithm: SignatureAlgorithm
    /// The key id that it names.
    let keyID: String?
    /// The bytes that were signed: header and payload with the dot between.
    let signingInput: ArraySlice<UInt8>
    /// The claims as JSON, unverified.
    let payload: [UInt8]
    /// Never empty.
    let signature: [UInt8]

    /// What a token is used as. One kind is never accepted as the other, because an issuer may sign both with the same key (RFC 8725
    /// §3.11).
    enum Kind {
        /// Identifies a caller (contract §1).
        case access
        /// A Security Event Token (RFC 8417 §2.3).
        case securityEvent

        /// The header's `typ` of the latter, without the prefix `application/` (RFC 7515 §4.1.9), in lower case.
        static let securityEventType = "secevent+jwt"

        /// Throws unless a token with this header may be used as this kind.
        fileprivate func check(_ header: Header) throws(AuthenticationError) {
            let type = header.typ?.lowercased()
            let isSecurityEvent = type == Self.securityEventType || type == "application/" + Self.securityEventType
            switch self {
            case .access where isSecurityEvent:
                throw AuthenticationError(.malformed, "The token is a security event, which identifies nobody: send an access token.")
            case .securityEvent where !isSecurityEvent:
                throw AuthenticationError(
                    .malformed,
                    "The token is no security event: its header must have the member \"typ\" with the value \"\(Self.securityEventType)\"."
                )
            case .access, .securityEvent: break
            }
        }
    }

    /// - Throws: `malformed`, also for one of the other kind; `unsupportedAlgorithm`, or `badSignature` for an empty one.
    init(_ token: [UInt8], as kind: Kind) throws(AuthenticationError) {
        let parts = token.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw AuthenticationError(.malformed, "The token is not a signed JWT: it must have three parts joined by dots.")
        }
        guard let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2])
        else {
            throw AuthenticationError(.malformed, "The token is not a signed JWT: its parts must be base64url without padding.")
        }
        let fields = try Self.header(header)
        guard !fields.isCritical else {
            throw AuthenticationError(
                .malformed,
                "The token's header has the member \"crit\", but none of the extensions that it can name is supported: issue it without."
            )
        }
        try kind.check(fields)
        guard let algorithm = SignatureAlgorithm(rawValue: fields.alg) else {
            throw AuthenticationError(.unsupportedAlgorithm, "The token is not signed with an algorithm that is accepted here.")
        }
        guard !signature.isEmpty else {
            throw AuthenticationError(.badSignature, "The token carries no signature.")
        }
        self.algorithm = algorithm
        self.keyID = fields.kid
        self.signingInput = token[parts[0].startIndex..<parts[1].endIndex]
        self.payload = payload
        self.signature = signature
    }

    fileprivate struct Header {
        let alg: String
        let kid: String?
        /// Nil also when it is no text: ``Kind`` then treats it as absent.
        let typ: String?
        /// Whether `crit` is present. Always refused (RFC 7515 §4.1.11): no extension is supported, and an empty list, `null` or another type is
        /// invalid.
        let isCritical: Bool

        init(_ members: JSONMembers) throws(JSONMembers.TypeMismatch) {
            guard let alg = try members.string("alg") else { throw JSONMembers.TypeMismatch() }
            self.alg = alg
            kid = try members.string("kid")
            typ = members.text("typ")
            isCritical = members.contains("crit")
        }
    }

    private static func header(_ bytes: [UInt8]) throws(AuthenticationError) -> Header {
        do {
            return try Header(JSONMembers(bytes))
        } catch let error as JSONSyntaxError {
            throw AuthenticationError(.malformed, "The token's header is not valid JSON: \(error.problem) at byte \(error.offset).")
        } catch {
            throw AuthenticationError(.malformed, "The token's header is not a JSON object with the member \"alg\".")
        }
    }
}
