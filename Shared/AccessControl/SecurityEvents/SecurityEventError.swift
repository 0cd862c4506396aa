/// Why a Security Event Token was not accepted (RFC 8935 §2.4).
///
/// ``message`` tells the transmitter what is wrong. It contains nothing of the token, so it may be logged and sent back.
public struct SecurityEventError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The error codes of RFC 8935 §2.4, also metric labels.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// Not a Security Event Token, or its event cannot be understood.
        case invalidRequest = "invalid_request"
        /// No configured key may sign it.
        case invalidKey = "invalid_key"
        case invalidIssuer = "invalid_issuer"
        case invalidAudience = "invalid_audience"
        /// The signature does not fit, or the transmitter's bearer token is missing or wrong.
        case authenticationFailed = "authentication_failed"
        /// The issuer may not revoke tokens of this tenant.
        case accessDenied = "access_denied"
    }

    /// The error code.
    public let code: Code
    /// The error message with the remedy.
    public let message: String
    /// Whether the same token may be accepted later, because the issuer's keys cannot be fetched.
    public let isRetriable: Bool

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
        isRetriable = false
    }

    /// The refusal of a header or a signature.
    init(_ error: AuthenticationError) {
        code =
            switch error.reason {
            case .unsupportedAlgorithm, .unknownKey, .keysUnavailable: .invalidKey
            case .badSignature: .authenticationFailed
            default: .invalidRequest
            }
        message = error.message
        isRetriable = error.isRetriable
    }

    public var description: String { "\(code.rawValue): \(message)" }
}
