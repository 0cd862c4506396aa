import Basics
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import NIOCore

/// The JSON of a decision (contract §7).
struct DecisionView: Encodable, Sendable {
    let approvalId: String
    let status: String
    let action: String
    let remediationId: String
    let remediationStatus: String
    let decidedBy: String
    let decidedAt: String
    /// Extensions; omitted when absent.
    let onBehalfOf: String?
    let reason: String?
    let actionDigest: String?

    init(_ decision: Decision) {
        approvalId = decision.approvalID.text
        status = decision.action.status.rawValue
        action = decision.action.rawValue
        remediationId = decision.remediationID.text
        remediationStatus = decision.action.remediationStatus
        decidedBy = decision.decidedBy.text
        decidedAt = decision.decidedAt.iso8601
        onBehalfOf = decision.onBehalfOf?.text
        reason = decision.reason
        actionDigest = decision.actionDigest?.text
    }
}

/// The JSON of a group with its tally (contract §12).
struct GroupView: Encodable, Sendable {
    let name: String
    let roles: [String]
    let users: [String]
    let n: Int
    let approvals: Int
    let approvedBy: [String]
    /// The step of the escalation that added it, from 1.
    @Nullable var step: Int?

    init(_ count: ApprovalTally.Count) {
        name = count.group.name
        roles = count.group.roles
        users = count.group.users.map(\.text)
        n = count.group.needed
        approvals = count.people.count
        approvedBy = count.people.map(\.text)
        step = count.step
    }
}

/// The JSON of a vote on an approval that is still pending (contract §12).
struct VoteView: Encodable, Sendable {
    let approvalId: String
    let status: String
    let action: String
    let votedBy: String
    let onBehalfOf: String?
    let votedAt: String
    let reason: String?
    let actionDigest: String?
    let groups: [GroupView]

    init(_ vote: Vote, on approval: Approval) {
        approvalId = approval.request.approvalID.text
        status = approval.status.rawValue
        action = vote.action.rawValue
        votedBy = vote.votedBy.text
        onBehalfOf = vote.onBehalfOf?.text
        votedAt = vote.votedAt.iso8601
        reason = vote.reason
        actionDigest = approval.request.actionDigest?.text
        groups = ApprovalTally(approval).counts.map(GroupView.init)
    }
}

/// The JSON of a consumption (contract §12).
struct ConsumptionView: Encodable, Sendable {
    let approvalId: String
    let remediationId: String
    @Nullable var actionDigest: String?
    let consumedBy: String
    let consumedAt: String

    init(_ consumption: Consumption, of approval: Approval) {
        approvalId = approval.request.approvalID.text
        remediationId = approval.request.remediationID.text
        actionDigest = approval.request.actionDigest?.text
        consumedBy = consumption.consumedBy.text
        consumedAt = consumption.consumedAt.iso8601
    }
}

/// The JSON of an approval in a list: without its action, description and history (contract §7, §12).
struct ApprovalView: Encodable, Sendable {
    /// An event of the approval, with the id that it has on every surface; nil once the log no longer keeps it.
    struct Trace: Encodable, Sendable {
        @Nullable var id: String?
        let type: String
        let timestamp: String
    }

    /// A step of the escalation.
    struct Step: Encodable, Sendable {
        let after: String
        let at: String
        @Nullable var escalatedAt: String?
    }

    let approvalId: String
    let status: String
    let remediationId: String
    @Nullable var incidentId: String?
    @Nullable var title: String?
    @Nullable var risk: String?
    @Nullable var actionDigest: String?
    @Nullable var requestedBy: String?
    let requestedAt: String
    @Nullable var user: String?
    @Nullable var expiresAt: String?
    let fourEyes: Bool
    let groups: [GroupView]
    let escalation: [Step]
    @Nullable var decision: DecisionView?
    @Nullable var consumption: ConsumptionView?
    let events: [Trace]

    init(_ approval: Approval) {
        let request = approval.request
        approvalId = request.approvalID.text
        status = approval.status.rawValue
        remediationId = request.remediationID.text
        incidentId = request.incidentID?.text
        title = request.title
        risk = request.risk
        actionDigest = request.actionDigest?.text
        requestedBy = request.requestedBy?.text
        requestedAt = request.requestedAt.iso8601
        user = request.recipients.user?.text
        expiresAt = if case .at(let time) = request.expiry { time.iso8601 } else { nil }
        fourEyes = request.fourEyes
        groups = request.isDecidedAtOnce ? [] : ApprovalTally(approval).counts.map(GroupView.init)
        escalation = request.policy.escalations.indices.map { index in
            Step(
                after: "\(Int(request.policy.escalations[index].after / .seconds(1)))s",
                at: request.escalates(at: index + 1)?.iso8601 ?? "",
                escalatedAt: approval.escalations[index + 1]?.at.iso8601
            )
        }
        decision = approval.decision.map { DecisionView($0.decision) }
        consumption = approval.consumption.map { ConsumptionView($0, of: approval) }
        events = Self.events(approval)
    }

    /// The request, the decision and its effect.
    private static func events(_ approval: Approval) -> [Trace] {
        let request = approval.request
        var events = [Trace(id: request.event.text, type: Approval.Request.typeName, timestamp: request.requestedAt.iso8601)]
        if let decided = approval.decision {
            events.append(
                Trace(
                    id: approval.eventID(at: .decision(approvalID: request.approvalID)),
                    type: Decision.typeName,
                    timestamp: decided.decision.decidedAt.iso8601
                )
            )
        }
        let effect = ApprovalPlace.effect(approvalID: request.approvalID)
        if let announced = approval.announced[effect.name] {
            events.append(Trace(id: approval.eventID(at: effect), type: announced.typeName, timestamp: announced.time.iso8601))
        }
        return events
    }
}

/// The JSON of an approval with its action, description and history (contract §7, §12).
struct WholeApprovalView: Encodable, Sendable {
    /// A record.
    struct Entry: Encodable, Sendable {
        let type: String
        @Nullable var by: String? = nil
        @Nullable var onBehalfOf: String? = nil
        let at: String
        @Nullable var action: String? = nil
        @Nullable var reason: String? = nil
        @Nullable var eventId: String? = nil
    }

    private let approval: ApprovalView
    private let description: String?
    private let history: [Entry]

    init(_ approval: Approval) {
        self.approval = ApprovalView(approval)
        description = approval.request.description
        history = Self.history(approval)
    }

    private enum CodingKeys: String, CodingKey {
        case description, history
    }

    func encode(to encoder: any Encoder) throws {
        try approval.encode(to: encoder)
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(description, forKey: .description)
        try members.encode(history, forKey: .history)
    }

    /// Returns the response, with the action as it was received.
    ///
    /// - Parameter action: JSON; nil for null.
    func response(action: [UInt8]?) throws -> Response {
        var rest = try Response.encoded(self)
        rest.moveReaderIndex(forwardBy: 1)
        var body = ByteBuffer(string: "{\"action\":")
        if let action { body.writeBytes(action) } else { body.writeStaticString("null") }
        body.writeStaticString(",")
        body.writeBuffer(&rest)
        return .json(encoded: body)
    }

    private static func history(_ approval: Approval) -> [Entry] {
        let request = approval.request
        let id = request.approvalID
        var entries = [
            (
                order: request.record,
                entry: Entry(
                    type: Approval.Request.typeName,
                    by: request.requestedBy?.text,
                    at: request.requestedAt.iso8601,
                    eventId: request.event.text
                )
            )
        ]
        for vote in approval.votes {
            let entry = Entry(
                type: Vote.typeName,
                by: vote.votedBy.text,
                onBehalfOf: vote.onBehalfOf?.text,
                at: vote.votedAt.iso8601,
                action: vote.action.rawValue,
                reason: vote.reason,
                eventId: approval.eventID(at: .vote(approvalID: id, voter: vote.votedBy))
            )
            entries.append((vote.record, entry))
        }
        if let decided = approval.decision {
            let decision = decided.decision
            let entry = Entry(
                type: Decision.typeName,
                by: decision.decidedBy.text,
                onBehalfOf: decision.onBehalfOf?.text,
                at: decision.decidedAt.iso8601,
                action: decision.action.rawValue,
                reason: decision.reason,
                eventId: approval.eventID(at: .decision(approvalID: id))
            )
            entries.append((decided.record, entry))
        }
        for (step, escalated) in approval.escalations {
            let eventID = approval.eventID(at: .escalation(approvalID: id, step: step))
            entries.append((escalated.record, Entry(type: Escalation.typeName, at: escalated.at.iso8601, eventId: eventID)))
        }
        if let consumption = approval.consumption {
            let entry = Entry(
                type: Consumption.typeName,
                by: consumption.consumedBy.text,
                at: consumption.consumedAt.iso8601,
                eventId: approval.eventID(at: .consumption(approvalID: id))
            )
            entries.append((.max, entry))
        }
        return entries.sorted { $0.order < $1.order }.map(\.entry)
    }
}

extension Approval {
    /// Returns the id of the event at a place, the same on every surface (contract §3); nil when the log does not hold it.
    func eventID(at place: ApprovalPlace) -> String? {
        announced[place.name]?.place.eventID(epoch: logEpoch)
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

/// Encodes an absent value as null, so that the member is always present.
@propertyWrapper
struct Nullable<Value: Encodable & Sendable>: Encodable, Sendable {
    var wrappedValue: Value?

    init(wrappedValue: Value?) {
        self.wrappedValue = wrappedValue
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}
