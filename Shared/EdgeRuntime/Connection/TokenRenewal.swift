public import AccessControl

/// Verifies a client's token. Any thread; called off the delivery loops, because a signature takes up to 100 µs, and may wait for the
/// identity provider, for as long as that may take to answer.
public typealias TokenVerifier = @Sendable (String) async throws(AuthenticationError) -> Principal

/// Finds the token in a text by which a client renews the token of its connection, on a surface without conversations (contract §13).
///
/// One object for all connections of a surface: each holds a reference only.
public final class RenewalReader: Sendable {
    private let read: @Sendable ([UInt8]) -> String?

    /// - Parameter read: returns the token in a text; nil for every other text. Called on the delivery loops.
    public init(_ read: @escaping @Sendable ([UInt8]) -> String?) { self.read = read }

    /// The token in a text; nil for every other text.
    func token(in text: [UInt8]) -> String? { self.read(text) }
}

/// The answer to a request to renew a connection's token that did not end the connection.
public enum RenewalAnswer: Sendable {
    /// The connection has the new token.
    case renewed(Principal)
    /// The token cannot be verified now, through no fault of the client. The connection keeps the one that it has.
    case unavailable(AuthenticationError)
    /// Another token is being verified: a connection renews by one at a time.
    case underWay
}

/// The outcome of an attempt to renew a token. The raw value is the label of metrics.
public enum RenewalOutcome: String, Sendable, Hashable, CaseIterable {
    case renewed
    /// The token is not valid, has expired or is revoked.
    case refused
    /// The token is that of another user or tenant.
    case otherUser = "other_user"
    /// The token has no role that the surface accepts.
    case missingRole = "missing_role"
    /// The token could not be verified now.
    case unavailable
    /// Another renewal was under way.
    case underWay = "under_way"
}

/// A renewal whose token is being verified.
struct PendingRenewal: Sendable {
    /// The number by which the conversation is answered; nil on a surface without conversations.
    var request: UInt64?
    /// Whether the old token's expiry came meanwhile: it is not told again.
    var hasExpired = false
}

extension Ending {
    /// The end of a connection whose new token is not accepted.
    init(refusing error: AuthenticationError) {
        switch error.reason {
        case .expired: self.init(.tokenExpired, detail: error.message)
        case .revoked: self.init(.tokenRevoked, detail: error.message)
        default: self.init(.unauthorized, detail: error.message)
        }
    }
}
