import EdgeRuntime
import EventModel

/// The close codes that are the workspace stream's own. Contract §5.
extension WebSocketCloseCode {
    /// The token is missing, invalid or expired.
    static let unauthorized = Self(rawValue: 4401)
    /// The workspace is missing, or not the token's.
    static let wrongWorkspace = Self(rawValue: 4003)
}

extension StreamEndReason {
    /// How the workspace stream says it.
    var close: (code: WebSocketCloseCode, reason: String) {
        switch self {
        case .tokenExpired: (.unauthorized, "the token has expired")
        case .draining: (.goingAway, "this server is going away: connect again")
        case .limit: (.policyViolation, "too many connections")
        case .overloaded: (.policyViolation, "this server is full: try again later")
        case .unavailable: (.internalError, "events are out of reach at the moment: try again later")
        }
    }
}
