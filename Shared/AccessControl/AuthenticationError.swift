/// Why a token or ticket was refused.
///
/// ``message`` tells the client what is wrong. It contains nothing of the token or ticket, so it may be logged and sent back.
public struct AuthenticationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of refusal, for metric labels.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// No token or ticket was sent.
        case missing
        /// Not a signed JWT, larger than allowed, or not the only credential of the request.
        case malformed
        /// No key here declares the token's algorithm.
        case unsupportedAlgorithm
        /// The token's key is unknown.
        case unknownKey
        /// The signature is absent or invalid.
        case badSignature
        /// The token has no `exp`.
        case noExpiry
        /// The token or ticket has expired.
        case expired
        /// `nbf` or `iat` is in the future.
        case notYetValid
        case wrongIssuer
        case wrongAudience
        case noSubject
        case noTenant
        /// The token was revoked before its expiry (contract §13).
        case revoked
        /// The revocations have not been read from the bus yet, so that the token cannot be judged. Not the client's fault.
        case revocationsUnread
        /// The ticket was redeemed before (contract §13).
        case usedTicket
        /// The ticket was never issued, or long ago.
        case unknownTicket
        /// The ticket cannot be redeemed: the bus is out of reach, or too many tickets are being redeemed. Not the client's fault.
        case ticketsUnavailable
        /// The identity provider is unreachable since the start, or when an unknown key was looked up. Not the client's fault.
        case keysUnavailable
    }

    /// The kind of refusal.
    public let reason: Reason
    /// The error message with the remedy.
    public let message: String

    init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    /// How the message about a revoked token begins; clients have no other way to tell it from other refusals.
    package static let revokedWords = "The token was revoked"

    /// Whether the same request may be accepted later.
    public var isRetriable: Bool { reason == .keysUnavailable || reason == .revocationsUnread || reason == .ticketsUnavailable }

    public var description: String { "\(reason.rawValue): \(message)" }
}
