/// Why a token was refused.
///
/// ``message`` is a sentence for the person who presented it and repeats nothing of the token, so it may be logged and sent back.
public struct AuthenticationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of refusal, fit for a metric's label.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// Nothing was presented.
        case missing
        /// What was presented is not a signed JWT, or not one of permitted size and form.
        case malformed
        /// The token asks for an algorithm that no key here declares.
        case unsupportedAlgorithm
        /// The token names a key that is not known here.
        case unknownKey
        /// The signature is absent or does not fit.
        case badSignature
        /// The token has no `exp`.
        case noExpiry
        case expired
        /// `nbf` or `iat` lies in the future.
        case notYetValid
        case wrongIssuer
        case wrongAudience
        case noSubject
        case noTenant
        /// The identity provider's keys have not been reachable since the process started, or not when a key was looked for that is not known here. The only reason that is not the bearer's fault.
        case keysUnavailable
    }

    /// The kind of refusal.
    public let reason: Reason
    /// What to do about it.
    public let message: String

    init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    /// Whether the same token may be accepted a little later.
    public var isRetriable: Bool { reason == .keysUnavailable }

    public var description: String { "\(reason.rawValue): \(message)" }
}
