import Basics
import EventModel
import Logging

/// A decision about an approval: what its `approval.resolved` says (contract §7).
struct Decision: Sendable, Equatable {
    var approvalID: ApprovalID
    var remediationID: RemediationID
    var incidentID: IncidentID?
    /// The one user whom the request is for, and so its decision and its effect; nil for everybody in the tenant (contract §12).
    var user: UserID?
    var action: DecisionAction
    /// The `sub` of the person; ``system`` for an approval that nobody answered.
    var decidedBy: UserID
    var decidedAt: Timestamp
    var reason: String?
    /// The request that was decided, as the id of its event; nil in what was written before decisions named it.
    var request: Cursor?

    /// Who decides when nobody does.
    static let system = UserID(generated: "system")
    /// The CloudEvents `source` of this service's events.
    static let source = EventSource(generated: "/causeway/approval-api")
    /// What happens when an approval has an answer.
    static let typeName = EventCatalogue.approvalDecision.name
    /// The member of it that names the request.
    private static let requestMember = "requestEventId"
    /// The longest reason that is read from the log, in bytes of UTF-8: what ``DecisionRequest/maximumReason`` code points can have.
    static let maximumReasonBytes = 4 * DecisionRequest.maximumReason
}

extension Decision {
    /// The event that the decision is.
    ///
    /// - Parameter id: by which a repeated request recognises its own decision.
    func event(id: EventID, tenant: Tenant, traceparent: String?) throws(ValidationError) -> Event {
        var members: JSONObject = [:]
        members.append("approvalId", text: approvalID.text)
        members.append("remediationId", text: remediationID.text)
        members.append("incidentId", text: incidentID?.text)
        members.append("action", text: action.rawValue)
        members.append("decidedBy", text: decidedBy.text)
        members.append("decidedAt", text: decidedAt.iso8601)
        members.append("reason", text: reason)
        members.append(Self.requestMember, text: request?.text)
        return try event(Self.typeName, members, id: id, tenant: tenant, traceparent: traceparent)
    }

    /// The event that follows from the decision.
    ///
    /// - Parameters:
    ///   - decided: the decision's event, whose trace it continues.
    ///   - sequence: the place of the decision in the log, from which the id is made, so that every process makes the same.
    func effect(of decided: Event, sequence: UInt64) throws(ValidationError) -> Event {
        var members: JSONObject = [:]
        members.append("remediationId", text: remediationID.text)
        members.append("incidentId", text: incidentID?.text)
        members.append("approvalId", text: approvalID.text)
        members.append("decidedBy", text: decidedBy.text)
        members.append("decidedAt", text: decidedAt.iso8601)
        members.append("reason", text: reason ?? (action == .expire ? "Nobody answered in time." : nil))
        return try event(
            action.effectTypeName,
            members,
            id: EventID(generated: "decision_\(sequence)_effect"),
            tenant: decided.tenant,
            traceparent: decided.traceparent
        )
    }

    /// Logs that the decision stands: who decided what, for operators and auditors.
    func log(tenant: Tenant, to logger: Logger) {
        logger.info(
            "an approval is decided",
            metadata: [
                "tenant": "\(tenant)", "user": "\(decidedBy)", "approval.id": "\(approvalID)", "approval.action": "\(action.rawValue)",
                "remediation.id": "\(remediationID)",
            ]
        )
    }

    /// Whatever is told about the decision is for whom the request was for.
    private func event(
        _ typeName: String,
        _ members: JSONObject,
        id: EventID,
        tenant: Tenant,
        traceparent: String?
    ) throws(ValidationError) -> Event {
        try EventDraft(
            type: EventType(typeName),
            payload: Payload(validating: members.bytes),
            user: user,
            id: id,
            time: decidedAt,
            source: Self.source,
            traceparent: traceparent
        )
        .resolve(tenant: tenant, id: id, time: decidedAt)
    }

    /// Whether the decision is about a request, and not about another one under the same id.
    ///
    /// A request is recognised by its sequence and its time of intake. The epoch does not count: a stream that is restored from a copy may have
    /// another one, and holds the same events at the same places.
    func isAbout(_ place: LogPlace) -> Bool {
        guard let request else { return true }
        return request.sequence == place.sequence && request.time == place.intake
    }

    /// Reads the decision on an approval; nil for another event, one on another approval than its place is for, and one whose request is named
    /// by what is no id of an event.
    init?(_ event: Event, on approvalID: ApprovalID) {
        let payload = event.payload
        guard event.type.name == Self.typeName,
            payload.string("approvalId").flatMap({ try? ApprovalID($0) }) == approvalID,
            let remediationID = payload.string("remediationId").flatMap({ try? RemediationID($0) }),
            let action = payload.string("action").flatMap(DecisionAction.init(rawValue:))
        else { return nil }
        let request = payload.string(Self.requestMember).flatMap { Cursor($0) }
        guard request != nil || (payload.kind(of: Self.requestMember) ?? .null) == .null else { return nil }
        self.init(
            approvalID: approvalID,
            remediationID: remediationID,
            incidentID: payload.string("incidentId").flatMap { try? IncidentID($0) },
            user: event.user,
            action: action,
            decidedBy: payload.string("decidedBy").flatMap { try? UserID($0) } ?? Self.system,
            decidedAt: payload.string("decidedAt").flatMap { Timestamp(rfc3339: $0) } ?? event.time,
            reason: payload.string("reason")?.bounded(toBytes: Self.maximumReasonBytes),
            request: request
        )
    }
}
