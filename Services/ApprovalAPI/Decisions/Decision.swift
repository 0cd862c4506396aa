import Basics
import EventModel
import Logging

/// A decision on an approval: the content of `approval.resolved` (contract §7).
struct Decision: Sendable, Equatable {
    var approvalID: ApprovalID
    var remediationID: RemediationID
    var incidentID: IncidentID?
    /// Who may see the request, and so its decision and its effect (contract §12).
    var recipients = Recipients.everyone
    var action: DecisionAction
    /// The `sub` of the person; ``system`` for an expired approval.
    var decidedBy: UserID
    /// The person in whose place; nil for the decider's own decision.
    var onBehalfOf: UserID?
    var decidedAt: Timestamp
    var reason: String?
    /// The event id of the decided request; nil in old decisions.
    var request: Cursor?
    /// The digest of what was decided about; nil when the request names nothing.
    var actionDigest: ActionDigest?

    /// The decider of expired approvals.
    static let system = UserID(generated: "system")
    /// The type of the decision event.
    static let typeName = EventCatalogue.approvalDecision.name
    /// The member with the request's event id.
    private static let requestMember = "requestEventId"
    /// Maximum length of a reason from the log in bytes of UTF-8: ``DecisionRequest/maximumReason`` code points at most.
    static let maximumReasonBytes = 4 * DecisionRequest.maximumReason
}

extension Decision {
    /// Creates the decision's event.
    ///
    /// - Parameter id: by which a retried request recognises its own decision.
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
        members.append("onBehalfOf", text: onBehalfOf?.text)
        members.append("actionDigest", text: actionDigest?.text)
        return try event(Self.typeName, members, id: id, tenant: tenant, traceparent: traceparent)
    }

    /// Creates the event of the decision's effect.
    ///
    /// - Parameters:
    ///   - decided: The decision's event; the effect continues its trace.
    ///   - sequence: The decision's sequence in the log, from which the id is derived: the same in every process.
    func effect(of decided: Event, sequence: UInt64) throws(ValidationError) -> Event {
        var members: JSONObject = [:]
        members.append("remediationId", text: remediationID.text)
        members.append("incidentId", text: incidentID?.text)
        members.append("approvalId", text: approvalID.text)
        members.append("decidedBy", text: decidedBy.text)
        members.append("decidedAt", text: decidedAt.iso8601)
        members.append("reason", text: reason ?? (action == .expire ? "Nobody answered in time." : nil))
        members.append("actionDigest", text: actionDigest?.text)
        return try event(
            action.effectTypeName,
            members,
            id: EventID(generated: "decision_\(sequence)_effect"),
            tenant: decided.tenant,
            traceparent: decided.traceparent
        )
    }

    /// Logs the stored decision, for operators and auditors.
    func log(tenant: Tenant, to logger: Logger) {
        logger.info(
            "approval decided",
            metadata: [
                LogKey.tenant: "\(tenant)", LogKey.user: "\(decidedBy)", LogKey.approvalID: "\(approvalID)",
                LogKey.approvalAction: "\(action.rawValue)",
                LogKey.remediationID: "\(remediationID)",
            ]
        )
    }

    /// The decision's events have the request's recipients.
    private func event(
        _ typeName: String,
        _ members: JSONObject,
        id: EventID,
        tenant: Tenant,
        traceparent: String?
    ) throws(ValidationError) -> Event {
        try ApprovalEvent(typeName, members, recipients: recipients, id: id, time: decidedAt).event(of: tenant, traceparent: traceparent)
    }

    /// Returns whether the decision is about this request, and not about another one with the same id.
    ///
    /// Compares sequence and intake time, not the epoch: a stream restored from a copy may have another epoch, with the same events at the same
    /// places.
    func isAbout(_ place: LogPlace) -> Bool {
        guard let request else { return true }
        return request.sequence == place.sequence && request.time == place.intake
    }

    /// Parses the decision on an approval; nil for other events, for another approval's decision, and for a malformed id of the request.
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
            recipients: event.recipients,
            action: action,
            decidedBy: payload.string("decidedBy").flatMap { try? UserID($0) } ?? Self.system,
            onBehalfOf: payload.string("onBehalfOf").flatMap { try? UserID($0) },
            decidedAt: payload.string("decidedAt").flatMap { Timestamp(rfc3339: $0) } ?? event.time,
            reason: payload.string("reason")?.bounded(toBytes: Self.maximumReasonBytes),
            request: request,
            actionDigest: payload.string("actionDigest").flatMap { try? ActionDigest($0, field: "actionDigest") }
        )
    }
}
