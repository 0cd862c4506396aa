import Basics
import EventModel

/// An entry of the notification list, as everybody has it: without whether it was read.
struct NotificationRecord: Sendable, Equatable {
    var tenant: String
    /// The one user that it is for; nil for everyone in the tenant.
    var user: String?
    var typeName: String
    var title: String
    var body: String
    var incidentID: String?
    var remediationID: String?
    var approvalID: String?
    var createdAt: Timestamp
    var place: LogPlace
}

extension NotificationRecord {
    /// The entry that an event becomes.
    init(_ event: Event, _ text: NotificationCatalogue.Text, at place: LogPlace) {
        self.init(
            tenant: event.tenant.text,
            user: event.user?.text,
            typeName: event.type.name,
            title: text.title,
            body: text.body,
            incidentID: event.payload.string("incidentId"),
            remediationID: event.payload.string("remediationId"),
            approvalID: event.payload.string("approvalId"),
            createdAt: event.time,
            place: place
        )
    }
}
