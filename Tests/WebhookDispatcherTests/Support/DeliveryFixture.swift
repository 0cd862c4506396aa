import Basics
import EventLog
import EventModel
import TestKit

@testable import Webhooks
@testable import webhook_dispatcher

/// Values for tests of the delivery.
enum DeliveryFixture {
    static let time = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)
    static let epoch: UInt16 = 7

    static func cursor(_ sequence: UInt64, epoch: UInt16 = epoch) -> Cursor { Cursor(time: time, epoch: epoch, sequence: sequence) }

    static func event(_ type: String = "incident.opened", tenant: Tenant = "acme", user: UserID? = nil, id: EventID = "e") throws -> Event {
        Event(id: id, tenant: tenant, type: try EventType(type), user: user, time: time, payload: .empty)
    }

    /// The message of an event at a sequence.
    static func message(_ sequence: UInt64) throws -> OutgoingMessage {
        OutgoingMessage(LogEntry(sequence: sequence, intake: time, event: try event()), epoch: epoch)
    }

    static func settings(_ url: String = "https://hooks.example/a", types: [String] = ["incident.*"], isOrdered: Bool = true) throws
        -> Endpoint.Settings
    {
        try Endpoint.Settings(url: WebhookURL(url), types: EndpointTypes(types), isOrdered: isOrdered)
    }

    static func stored(
        state: EndpointHealth.State = .enabled,
        isOrdered: Bool = true,
        cursor: UInt64 = 0,
        slot: Int = 0,
        revision: UInt64 = 1
    ) throws -> EndpointStore.Stored {
        EndpointStore.Stored(
            endpoint: Endpoint(
                id: EndpointID(slot: slot, time: time),
                tenant: "acme",
                createdAt: time,
                settings: try settings(isOrdered: isOrdered),
                secrets: EndpointSecrets(.generate()),
                state: state,
                cursor: Self.cursor(cursor)
            ),
            revision: revision
        )
    }

    static let success = AttemptOutcome.answered(.init(status: 204))
    static let failure = AttemptOutcome.answered(.init(status: 500))
    static let gone = AttemptOutcome.answered(.init(status: 410))
}
