import Basics
import EventModel

/// The body of `GET /v1/relay/status` (contract §6).
struct RelayStatus: Codable, Hashable, Sendable {
    /// The health of the relay.
    enum Health: String, Codable, Hashable, Sendable {
        /// The bus is reachable and delivers messages.
        case healthy
        /// The bus is reachable but does not deliver this relay's own reports: it may be slow, and the count may lack other relays.
        case degraded
        /// The bus is unreachable. The surface answers 503 instead.
        case unavailable
    }

    let status: Health
    /// The connections of all relay processes of the deployment.
    let activeConnections: Int
    /// The region of the answering process.
    let region: String
    /// Its version.
    let version: String
    /// The current time, formatted as in events.
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
