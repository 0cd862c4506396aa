import Basics
import EventModel
import FoundationEssentials
import Logging

/// A vote on an approval: the content of `approval.voted` (contract §12).
struct Vote: Sendable, Equatable {
    var action: DecisionAction
    /// The person who voted.
    var votedBy: UserID
    /// The person in whose place; nil for the voter's own vote.
    var onBehalfOf: UserID?
    var votedAt: Timestamp
    var reason: String?
    /// The names of the groups that the vote may count for, from the roles at the time of the vote.
    var groups: Set<String>
    var eventID: EventID
    /// The sequence of its record; 0 before it is stored.
    var record: UInt64 = 0

    /// The person who counts.
    var person: UserID { onBehalfOf ?? votedBy }

    /// The type of the event.
    static let typeName = "approval.voted"
}

extension Vote {
    /// Parses a vote; nil when malformed.
    init?(_ event: Event, record: UInt64) {
        let payload = event.payload
        guard event.type.name == Self.typeName, let action = payload.string("action").flatMap(DecisionAction.init(rawValue:)),
            DecisionAction.ofPeople.contains(action), let votedBy = payload.string("votedBy").flatMap({ try? UserID($0) }),
            let groups = payload.strings("groups")
        else { return nil }
        let other = payload.string("onBehalfOf")
        let onBehalfOf = other.flatMap { try? UserID($0) }
        guard other == nil || onBehalfOf != nil else { return nil }
        self.init(
            action: action,
            votedBy: votedBy,
            onBehalfOf: onBehalfOf,
            votedAt: event.time,
            reason: payload.string("reason")?.bounded(toBytes: Decision.maximumReasonBytes),
            groups: Set(groups),
            eventID: event.id,
            record: record
        )
    }

    /// Creates the vote's event.
    func event(on request: Approval.Request, traceparent: String?) throws(ValidationError) -> Event {
        var members = request.members
        members.append("action", text: action.rawValue)
        members.append("votedBy", text: votedBy.text)
        members.append("onBehalfOf", text: onBehalfOf?.text)
        members.append("votedAt", text: votedAt.iso8601)
        members.append("reason", text: reason)
        members.append("groups", .strings(groups.sorted()))
        members.append("actionDigest", text: request.actionDigest?.text)
        return try request.event(Self.typeName, members, id: eventID, time: votedAt, traceparent: traceparent)
    }
}

extension Vote {
    /// Logs the stored vote, for operators and auditors.
    func log(on request: Approval.Request, to logger: Logger) {
        var metadata = request.logMetadata(of: votedBy)
        metadata[LogKey.approvalAction] = "\(action.rawValue)"
        if let onBehalfOf { metadata[LogKey.onBehalfOf] = "\(onBehalfOf)" }
        logger.info("vote recorded", metadata: metadata)
    }
}

extension Consumption {
    /// Logs the stored consumption, for operators and auditors.
    func log(of request: Approval.Request, to logger: Logger) {
        logger.info("approval consumed", metadata: request.logMetadata(of: consumedBy))
    }
}

/// The use of an approval by its executor: the content of `approval.consumed` (contract §12).
struct Consumption: Sendable, Equatable {
    var consumedBy: UserID
    var consumedAt: Timestamp
    var eventID: EventID

    /// The type of the event.
    static let typeName = "approval.consumed"
}

extension Consumption {
    /// Parses a consumption; nil when malformed.
    init?(_ event: Event) {
        guard event.type.name == Self.typeName, let consumedBy = event.payload.string("consumedBy").flatMap({ try? UserID($0) })
        else { return nil }
        self.init(consumedBy: consumedBy, consumedAt: event.time, eventID: event.id)
    }

    /// Creates the event.
    func event(on request: Approval.Request, traceparent: String?) throws(ValidationError) -> Event {
        var members = request.members
        members.append("actionDigest", text: request.actionDigest?.text)
        members.append("consumedBy", text: consumedBy.text)
        members.append("consumedAt", text: consumedAt.iso8601)
        return try request.event(Self.typeName, members, id: eventID, time: consumedAt, traceparent: traceparent)
    }
}

/// A step of the escalation that comes into force: the content of `approval.escalated` (contract §12).
enum Escalation {
    /// The type of the event.
    static let typeName = "approval.escalated"

    /// Creates the event of a step, the same in every process but for its time.
    static func event(step: Int, of request: Approval.Request, at time: Timestamp) throws(ValidationError) -> Event {
        var members = request.members
        members.append("title", text: request.title)
        members.append("step", .integer(step))
        members.append("groups", .strings(request.policy.escalations[step - 1].groups.map(\.name)))
        members.append("escalatedAt", text: time.iso8601)
        let id = EventID(generated: "escalation_\(request.record)_\(step)")
        return try request.event(typeName, members, id: id, time: time, traceparent: nil)
    }
}

extension Approval.Request {
    /// The metadata of a line about what a person did to the approval.
    fileprivate func logMetadata(of user: UserID) -> Logger.Metadata {
        [
            LogKey.tenant: "\(tenant)", LogKey.user: "\(user)", LogKey.approvalID: "\(approvalID)",
            LogKey.remediationID: "\(remediationID)",
        ]
    }

    /// The members that all events of the approval have.
    var members: JSONObject {
        var members: JSONObject = [:]
        members.append("approvalId", text: approvalID.text)
        members.append("remediationId", text: remediationID.text)
        members.append("incidentId", text: incidentID?.text)
        return members
    }

    /// Creates an event of the approval, with the request's recipients.
    func event(
        _ typeName: String,
        _ members: JSONObject,
        id: EventID,
        time: Timestamp,
        traceparent: String?
    ) throws(ValidationError) -> Event {
        try ApprovalEvent(typeName, members, recipients: recipients, id: id, time: time).event(of: tenant, traceparent: traceparent)
    }
}

extension Payload {
    /// The texts of a top-level array of strings; nil when absent or of another kind.
    func strings(_ name: String) -> [String]? {
        json(name).flatMap { try? JSONDecoder().decode([String].self, from: Data($0)) }
    }
}
