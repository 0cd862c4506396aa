import Basics
import EventLog
import EventModel

/// The change of the read model for a log entry: a pure function.
enum LogChange: Sendable, Equatable {
    /// An event of an approval: its request, or what was announced from its records.
    case announced(tenant: Tenant, place: ApprovalPlace, Approval.Announced)
    /// A notification.
    case notified(NotificationRecord, to: Recipients)

    /// Returns the changes of `entry`; empty for most.
    ///
    /// A malformed `approval.requested`, or one at another approval's place, has no effect.
    static func changes(of entry: LogEntry) -> [LogChange] {
        let event = entry.event
        let place = LogPlace(sequence: entry.sequence, intake: entry.intake)
        let announced = Approval.Announced(typeName: event.type.name, time: event.time, place: place)
        var changes: [LogChange] = []
        switch entry.approvalPlace {
        case .request(let approvalID):
            if requestedApproval(entry) == approvalID {
                changes.append(.announced(tenant: event.tenant, place: .request(approvalID: approvalID), announced))
            }
        case let place?: changes.append(.announced(tenant: event.tenant, place: place, announced))
        case nil:
            // Published directly on the bus, or stored before requests had write-once places.
            if let approvalID = requestedApproval(entry) {
                changes.append(.announced(tenant: event.tenant, place: .request(approvalID: approvalID), announced))
            }
        }
        guard let text = EventCatalogue.notificationText(of: event) else { return changes }
        let record = NotificationRecord(event, text, at: place)
        if record.isRequest {
            // One at another place is never the recorded one.
            guard case .announced(_, .request, _)? = changes.first else { return changes }
        }
        changes.append(.notified(record, to: event.recipients))
        return changes
    }

    private static func requestedApproval(_ entry: LogEntry) -> ApprovalID? {
        guard entry.event.type == Approval.Request.type else { return nil }
        return Approval.Request(entry.event, at: entry.cursor(epoch: 0))?.approvalID
    }
}
