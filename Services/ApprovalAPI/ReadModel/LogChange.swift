import Basics
import EventLog
import EventModel

/// The change of the read model for a log entry: a pure function.
enum LogChange: Sendable, Equatable {
    /// An approval request.
    case requested(Approval.Request)
    /// A decision.
    case decided(tenant: Tenant, Approval.Decided)
    /// A published effect of a decision.
    case effected(tenant: Tenant, approvalID: ApprovalID, Approval.Effect)
    /// A notification.
    case notified(NotificationRecord)

    /// Returns the changes of `entry`; empty for most.
    ///
    /// Only an event at a decision place is a decision: an `approval.resolved` elsewhere is a notification and decides nothing. A malformed
    /// `approval.requested`, or one at another approval's place, has no effect.
    static func changes(of entry: LogEntry) -> [LogChange] {
        let event = entry.event
        let place = LogPlace(sequence: entry.sequence, intake: entry.intake)
        var changes: [LogChange] = []
        switch entry.decisionPlace {
        case .decision(let approvalID):
            if let decision = Decision(event, on: approvalID) {
                changes.append(.decided(tenant: event.tenant, Approval.Decided(eventID: event.id, decision: decision, place: place)))
            }
        case .effect(let approvalID):
            let effect = Approval.Effect(typeName: event.type.name, time: event.time, place: place)
            changes.append(.effected(tenant: event.tenant, approvalID: approvalID, effect))
        case .request(let approvalID):
            if let request = Approval.Request(event, at: place), request.approvalID == approvalID { changes.append(.requested(request)) }
        case nil:
            // Published directly on the bus, or stored before requests had decision places.
            if let request = Approval.Request(event, at: place) { changes.append(.requested(request)) }
        }
        guard let text = EventCatalogue.notificationText(of: event) else { return changes }
        let record = NotificationRecord(event, text, at: place)
        if !record.isRequest || !changes.isEmpty { changes.append(.notified(record)) }
        return changes
    }
}
