import Basics
import EventLog
import EventModel

/// What an entry of the log means to the read model: a pure function of the entry.
enum LogChange: Sendable, Equatable {
    /// An approval was asked for.
    case requested(Approval.Request)
    /// An approval was decided.
    case decided(tenant: String, Approval.Decided)
    /// What a decision entails was announced.
    case effected(tenant: String, approvalID: String, Approval.Effect)
    /// There is something to read for people.
    case notified(NotificationRecord)

    /// What `entry` changes; nothing for most.
    ///
    /// A decision is what lies at the place of one, and nothing else: an `approval.resolved` that somebody published like any other event is
    /// news for people and decides nothing.
    static func changes(of entry: LogEntry) -> [LogChange] {
        let event = entry.event
        let place = LogPlace(sequence: entry.sequence, intake: entry.intake)
        var changes: [LogChange] = []
        switch entry.decisionPlace {
        case .decision(let approvalID):
            if let decision = Decision(event, on: approvalID.text) {
                changes.append(.decided(tenant: event.tenant.text, Approval.Decided(eventID: event.id, decision: decision, place: place)))
            }
        case .effect(let approvalID):
            let effect = Approval.Effect(typeName: event.type.name, time: event.time, place: place)
            changes.append(.effected(tenant: event.tenant.text, approvalID: approvalID.text, effect))
        case nil:
            if let request = Approval.Request(event, at: place) { changes.append(.requested(request)) }
        }
        if let text = NotificationCatalogue.text(of: event) {
            changes.append(.notified(NotificationRecord(event, text, at: place)))
        }
        return changes
    }
}
