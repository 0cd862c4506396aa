import Basics
import EventModel

/// An entry of the notification list, without its recipients and their read states.
struct NotificationRecord: Sendable, Equatable {
    var tenant: Tenant
    var type: EventType
    var title: String
    var body: String
    var incidentID: IncidentID?
    var remediationID: RemediationID?
    var approvalID: ApprovalID?
    var createdAt: Timestamp
    var place: LogPlace

    /// Whether it asks people to answer an approval.
    var isRequest: Bool { type.name == Approval.Request.typeName }
}

extension NotificationRecord {
    /// The entry that an event becomes.
    init(_ event: Event, _ text: NotificationText, at place: LogPlace) {
        self.init(
            tenant: event.tenant,
            type: event.type,
            title: text.title,
            body: text.body,
            incidentID: event.payload.string("incidentId").flatMap { try? IncidentID($0) },
            remediationID: event.payload.string("remediationId").flatMap { try? RemediationID($0) },
            approvalID: event.payload.string("approvalId").flatMap { try? ApprovalID($0) },
            createdAt: event.time,
            place: place
        )
    }
}
