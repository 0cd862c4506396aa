import Basics
import EventLog
import EventModel

/// The answer to a request to decide (contract §7).
struct DecisionView: Encodable, Sendable {
    let approvalId: String
    let action: String
    let remediationId: String
    let remediationStatus: String
    let decidedBy: String
    let decidedAt: String
    /// Extension; left out where none was given.
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

/// An approval with its history: who, when, why, and the events of the log that say so.
struct ApprovalView: Encodable, Sendable {
    /// An event of the approval's history, under the id that every surface gives it.
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

    /// What is not there is null, so that a client need not ask which members there are.
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
    /// The id that every surface gives the event there (contract §3).
    func eventID(epoch: UInt16) -> String {
        Cursor(time: intake, epoch: epoch, sequence: sequence).text
    }
}

extension LogRetention {
    /// Whether a cursor names a place in this log, up to its end.
    func hasReached(_ cursor: Cursor) -> Bool { cursor.epoch == epoch && cursor.sequence <= lastSequence }
}
