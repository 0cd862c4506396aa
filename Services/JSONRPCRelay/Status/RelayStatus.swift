import Basics
import EventModel

/// The body of `GET /v1/relay/status` (contract §6).
struct RelayStatus: Codable, Hashable, Sendable {
    /// How well the relay can serve.
    enum Health: String, Codable, Hashable, Sendable {
        /// The bus is there and carries messages.
        case healthy
        /// The bus is there, but this relay's own reports do not come back over it: it may be slow, and other relays' connections may not be counted.
        case degraded
        /// The bus is out of reach. The surface answers 503 instead.
        case unavailable
    }

    let status: Health
    /// The connections of all relay processes of the deployment.
    let activeConnections: Int
    /// Where the process that answers runs.
    let region: String
    /// Its version.
    let version: String
    /// Now, as in events.
    let checkedAt: String

    /// Creates a status.
    init(status: Health, activeConnections: Int, region: String, version: String, checkedAt: Timestamp) {
        self.status = status
        self.activeConnections = activeConnections
        self.region = region
        self.version = version
        self.checkedAt = checkedAt.iso8601
    }
}
