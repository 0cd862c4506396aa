import AccessControl
import Basics
import EventModel
import HTTPAPI
import Hummingbird

/// `GET /v1/relay/status`: the relay's health over all its processes. Contract §6.
struct RelayStatusRoute: Sendable {
    let census: RelayCensus

    /// Registers the route, which needs a principal.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.get("/v1/relay/status") { _, _ in
            let status = self.census.status(at: .now)
            guard status.status != .unavailable else {
                throw APIError.serviceUnavailable("The relay has lost the bus: try again shortly.", retryAfter: 5)
            }
            return try Response.json(status)
        }
    }
}
