import Basics
import EventModel

/// An event that this service writes about an approval.
struct ApprovalEvent {
    /// The CloudEvents `source` of this service's events.
    static let source = EventSource(generated: "/causeway/approval-api")

    private let typeName: String
    private let members: JSONObject
    private let recipients: Recipients
    private let id: EventID
    private let time: Timestamp

    /// - Parameter recipients: those of the approval's request.
    init(_ typeName: String, _ members: JSONObject, recipients: Recipients, id: EventID, time: Timestamp) {
        self.typeName = typeName
        self.members = members
        self.recipients = recipients
        self.id = id
        self.time = time
    }

    /// Validates the event like one of any producer.
    func event(of tenant: Tenant, traceparent: String?) throws(ValidationError) -> Event {
        var event = try EventDraft(
            type: EventType(typeName),
            payload: Payload(validating: members.bytes),
            user: recipients.user,
            id: id,
            time: time,
            source: Self.source,
            traceparent: traceparent
        )
        .resolve(tenant: tenant, id: id, time: time)
        event.recipients = recipients
        return event
    }
}
