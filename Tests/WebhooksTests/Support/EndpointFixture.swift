import Basics
import EventModel
import TestKit

@testable import Webhooks

/// Endpoints for tests.
enum EndpointFixture {
    static let time = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)
    static let cursor = Cursor(time: time, epoch: 7, sequence: 42)

    static func settings(_ url: String = "https://hooks.example/a", description: String? = nil) throws -> Endpoint.Settings {
        try Endpoint.Settings(url: WebhookURL(url), types: EndpointTypes(["incident.*", "approval.requested"]), description: description)
    }

    static func endpoint(
        slot: Int = 3,
        tenant: Tenant = "acme",
        state: EndpointHealth.State = .enabled,
        settings: Endpoint.Settings? = nil
    ) throws -> Endpoint {
        Endpoint(
            id: EndpointID(slot: slot, time: time),
            tenant: tenant,
            createdAt: time,
            settings: try settings ?? self.settings(),
            secrets: EndpointSecrets(.generate()),
            state: state,
            cursor: cursor
        )
    }
}
