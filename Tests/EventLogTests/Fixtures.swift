import Basics
import EventLog
import EventModel
import TestKit

/// Values for tests.
enum Fixture {
    static let time = Timestamp(millisecondsSinceEpoch: 1_700_000_000_000)

    static func event(
        _ id: String,
        tenant: String = "acme",
        type: String = "incident.created",
        user: String? = nil,
        payload: String = #"{"incidentId":"i-1"}"#
    ) throws -> Event {
        Event(
            id: try EventID(id),
            tenant: try Tenant(tenant),
            type: try EventType(type),
            user: try user.map { try UserID($0) },
            time: time,
            payload: try Payload(validating: Array(payload.utf8))
        )
    }

    static func entry(_ sequence: UInt64, tenant: String = "acme", payload: String = #"{"incidentId":"i-1"}"#) throws -> LogEntry {
        LogEntry(
            sequence: sequence,
            intake: Timestamp(millisecondsSinceEpoch: time.millisecondsSinceEpoch + Int64(sequence)),
            event: try event("e-\(sequence)", tenant: tenant, payload: payload)
        )
    }
}
