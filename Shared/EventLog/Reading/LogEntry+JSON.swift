package import Basics
import EventModel

extension LogEntry {
    /// Describes a stored event of a tenant: the body of `GET /v1/events/{id}` (contract §10), and the line of `causeway log get`.
    ///
    /// - Parameters:
    ///   - epoch: the epoch of the log that the entry was read from.
    ///   - withPayload: whether the reader may see the payload.
    package func json(epoch: UInt16, withPayload: Bool) -> JSONObject {
        var object: JSONObject = [
            "id": .string(cursor(epoch: epoch).text), "eventId": .string(event.id.text), "tenant": .string(event.tenant.text),
            "type": .string(event.type.name),
        ]
        object.append("source", text: event.source?.text)
        if !event.recipients.areEveryone { object.append("recipients", .strings(event.recipients.users.map(\.text))) }
        object.append("timestamp", .string(event.time.iso8601))
        object.append("receivedAt", .string(intake.iso8601))
        object.append("incidentId", text: event.payload.string("incidentId"))
        if withPayload { object.append("payload", .json(event.payload.bytes)) }
        return object
    }
}
