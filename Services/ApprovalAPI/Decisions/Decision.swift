import Basics
import EventModel

/// A decision about an approval: what its `approval.resolved` says (contract §7).
struct Decision: Sendable, Equatable {
    var approvalID: String
    var remediationID: String
    var incidentID: String?
    var action: DecisionAction
    /// The `sub` of the person; ``system`` for an approval that nobody answered.
    var decidedBy: String
    var decidedAt: Timestamp
    var reason: String?

    /// Who decides when nobody does.
    static let system = "system"
    /// Where the events of this service come from, a CloudEvents `source`.
    static let source = EventSource(generated: "/causeway/approval-api")
    /// What happens when an approval has an answer.
    static let typeName = "approval.resolved"
}

extension Decision {
    /// The event that the decision is.
    ///
    /// - Parameter id: by which a repeated request recognises its own decision.
    func event(id: EventID, tenant: Tenant, traceparent: String?) throws(ValidationError) -> Event {
        var members: JSONObject = [:]
        members.append("approvalId", text: approvalID)
        members.append("remediationId", text: remediationID)
        members.append("incidentId", text: incidentID)
        members.append("action", text: action.rawValue)
        members.append("decidedBy", text: decidedBy)
        members.append("decidedAt", text: decidedAt.iso8601)
        members.append("reason", text: reason)
        return try Self.event(Self.typeName, members, id: id, tenant: tenant, time: decidedAt, traceparent: traceparent)
    }

    /// The event that follows from the decision.
    ///
    /// - Parameters:
    ///   - decided: the decision's event, whose trace it continues.
    ///   - sequence: the place of the decision in the log, from which the id is made, so that whoever makes it makes the same.
    func effect(of decided: Event, sequence: UInt64) throws(ValidationError) -> Event {
        var members: JSONObject = [:]
        members.append("remediationId", text: remediationID)
        members.append("incidentId", text: incidentID)
        members.append("approvalId", text: approvalID)
        members.append("decidedBy", text: decidedBy)
        members.append("decidedAt", text: decidedAt.iso8601)
        members.append("reason", text: reason ?? (action == .expire ? "Nobody answered in time." : nil))
        return try Self.event(
            action.effectTypeName,
            members,
            id: EventID(generated: "decision_\(sequence)_effect"),
            tenant: decided.tenant,
            time: decidedAt,
            traceparent: decided.traceparent
        )
    }

    private static func event(
        _ typeName: String,
        _ members: JSONObject,
        id: EventID,
        tenant: Tenant,
        time: Timestamp,
        traceparent: String?
    ) throws(ValidationError) -> Event {
        try EventDraft(
            type: EventType(typeName),
            payload: Payload(validating: members.bytes),
            id: id,
            time: time,
            source: source,
            traceparent: traceparent
        )
        .resolve(tenant: tenant, id: id, time: time)
    }

    /// Reads the decision on an approval; nil for an event that is none, or one on another approval than its place is for.
    init?(_ event: Event, on approvalID: String) {
        let payload = event.payload
        guard event.type.name == Self.typeName, payload.string("approvalId") == approvalID,
            let remediationID = payload.string("remediationId"),
            let action = payload.string("action").flatMap(DecisionAction.init(rawValue:))
        else { return nil }
        self.init(
            approvalID: approvalID,
            remediationID: remediationID,
            incidentID: payload.string("incidentId"),
            action: action,
            decidedBy: payload.string("decidedBy") ?? Self.system,
            decidedAt: payload.string("decidedAt").flatMap { Timestamp(rfc3339: $0) } ?? event.time,
            reason: payload.string("reason")
        )
    }
}
