import Basics
import EventModel

/// An event that this service writes about an approval.
struct ApprovalEvent {
    /// The CloudEvents `source` of this service's events.
    static let source = EventSource(generated: "/causeway/approval-api")

    private let typeName: String
    private let members: JSONObject
    private let user: UserID?
    private let id: EventID
    private let time: Timestamp

    /// - Parameter user: the only user of the approval; nil for everyone in the tenant.
    init(_ typeName: String, _ members: JSONObject, user: UserID?, id: EventID, time: Timestamp) {
        self.typeName = typeName
        self.members = members
        self.user = user
        self.id = id
        self.time = time
    }

    /// Validates the event like one of any producer.
    func event(of tenant: Tenant, traceparent: String?) throws(ValidationError) -> Event {
        try EventDraft(
            type: EventType(typeName),
            payload: Payload(validating: members.bytes),
            user: user,
            id: id,
            time: time,
            source: Self.source,
            traceparent: traceparent
        )
        .resolve(tenant: tenant, id: id, time: time)
    }
}
