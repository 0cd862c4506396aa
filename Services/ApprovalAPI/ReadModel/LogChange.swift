import Basics
import EventLog
import EventModel

/// What an entry of the log means to the read model: a pure function of the entry.
enum LogChange: Sendable, Equatable {
    /// An approval was asked for.
    case requested(Approval.Request)
    /// An approval was decided.
    case decided(tenant: Tenant, Approval.Decided)
    /// What a decision entails was announced.
    case effected(tenant: Tenant, approvalID: ApprovalID, Approval.Effect)
    /// There is something to read for people.
    case notified(NotificationRecord)

    /// What `entry` changes; nothing for most.
    ///
    /// A decision is what lies at the place of one, and nothing else: an `approval.resolved` that somebody published like any other event is
    /// news for people and decides nothing. An `approval.requested` that is no request, or lies at another approval's place, asks nobody.
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
            // Written to the bus, or before requests had a place.
            if let request = Approval.Request(event, at: place) { changes.append(.requested(request)) }
        }
        guard let text = EventCatalogue.notificationText(of: event) else { return changes }
        let record = NotificationRecord(event, text, at: place)
        if !record.isRequest || !changes.isEmpty { changes.append(.notified(record)) }
        return changes
    }
}
