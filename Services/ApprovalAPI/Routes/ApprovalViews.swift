import Basics
import EventLog
import EventModel

/// The JSON of a decision (contract §7).
struct DecisionView: Encodable, Sendable {
    let approvalId: String
    let action: String
    let remediationId: String
    let remediationStatus: String
    let decidedBy: String
    let decidedAt: String
    /// Extension; omitted when absent.
    let reason: String?

    init(_ decision: Decision) {
        approvalId = decision.approvalID.text
        action = decision.action.rawValue
        remediationId = decision.remediationID.text
        remediationStatus = decision.action.remediationStatus
        decidedBy = decision.decidedBy.text
        decidedAt = decision.decidedAt.iso8601
        reason = decision.reason
    }
}

/// The JSON of an approval, with its decision and its events (contract §7).
struct ApprovalView: Encodable, Sendable {
    /// An event of the approval's history, with the id that it has on every surface.
    struct Trace: Encodable, Sendable {
        let id: String
        let type: String
        let timestamp: String
    }

    let approvalId: String
    let status: String
    let remediationId: String
    let incidentId: String?
    let title: String?
    let requestedBy: String?
    let requestedAt: String
    let expiresAt: String?
    let fourEyes: Bool
    let decision: DecisionView?
    let events: [Trace]

    /// - Parameter epoch: of the log that the approval was read from.
    init(_ approval: Approval, epoch: UInt16) {
        let request = approval.request
        approvalId = request.approvalID.text
        status = approval.status.rawValue
        remediationId = request.remediationID.text
        incidentId = request.incidentID?.text
        title = request.title
        requestedBy = request.requestedBy?.text
        requestedAt = request.requestedAt.iso8601
        expiresAt = if case .at(let time) = request.expiry { time.iso8601 } else { nil }
        fourEyes = request.fourEyes
        decision = approval.decision.map { DecisionView($0.decision) }
        var events = [
            Trace(id: request.place.eventID(epoch: epoch), type: Approval.Request.typeName, timestamp: request.requestedAt.iso8601)
        ]
        if let decided = approval.decision {
            events.append(
                Trace(id: decided.place.eventID(epoch: epoch), type: Decision.typeName, timestamp: decided.decision.decidedAt.iso8601)
            )
        }
        if let effect = approval.effect {
            events.append(Trace(id: effect.place.eventID(epoch: epoch), type: effect.typeName, timestamp: effect.time.iso8601))
        }
        self.events = events
    }

    private enum CodingKeys: String, CodingKey {
        case approvalId, status, remediationId, incidentId, title, requestedBy, requestedAt, expiresAt, fourEyes, decision, events
    }

    /// Encodes absent values as null, so that every member is always present.
    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(approvalId, forKey: .approvalId)
        try members.encode(status, forKey: .status)
        try members.encode(remediationId, forKey: .remediationId)
        try members.encode(incidentId, forKey: .incidentId)
        try members.encode(title, forKey: .title)
        try members.encode(requestedBy, forKey: .requestedBy)
        try members.encode(requestedAt, forKey: .requestedAt)
        try members.encode(expiresAt, forKey: .expiresAt)
        try members.encode(fourEyes, forKey: .fourEyes)
        try members.encode(decision, forKey: .decision)
        try members.encode(events, forKey: .events)
    }
}

extension LogPlace {
    /// Returns the id of the event at this place, the same on every surface (contract §3).
    func eventID(epoch: UInt16) -> String {
        Cursor(time: intake, epoch: epoch, sequence: sequence).text
    }
}

extension LogRetention {
    /// Returns whether a cursor is of this log and not beyond its end.
    func hasReached(_ cursor: Cursor) -> Bool { cursor.epoch == epoch && cursor.sequence <= lastSequence }
}
