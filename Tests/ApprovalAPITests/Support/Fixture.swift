import Basics
import EventModel

@testable import EventLog
@testable import approval_api

/// Values for tests.
enum Fixture {
    static let time = Timestamp(millisecondsSinceEpoch: 1_700_000_000_000)

    static func later(_ milliseconds: Int64) -> Timestamp {
        Timestamp(millisecondsSinceEpoch: time.millisecondsSinceEpoch + milliseconds)
    }

    /// - Parameter others: further recipients beside the user, of an event that follows from an approval.
    static func event(
        _ type: String,
        _ payload: String,
        tenant: String = "acme",
        user: String? = nil,
        others: [String] = [],
        id: String = "e"
    ) throws -> Event {
        var event = Event(
            id: try EventID(id),
            tenant: try Tenant(tenant),
            type: try EventType(type),
            user: try user.map { try UserID($0) },
            time: time,
            payload: try Payload(validating: Array(payload.utf8))
        )
        if let user = event.user, !others.isEmpty, let recipients = Recipients(user, and: try others.map { try UserID($0) }) {
            event.recipients = recipients
        }
        return event
    }

    static func entry(
        _ sequence: UInt64,
        _ type: String,
        _ payload: String,
        tenant: String = "acme",
        user: String? = nil,
        others: [String] = [],
        place: ApprovalPlace? = nil
    ) throws -> LogEntry {
        let event = try event(type, payload, tenant: tenant, user: user, others: others, id: "e\(sequence)")
        return LogEntry(sequence: sequence, intake: later(Int64(sequence % 1_000_000)), event: event, approvalPlace: place)
    }

    static let acme = Tenant(generated: "acme")
    static let ann = Viewer(tenant: acme, user: UserID(generated: "ann"))
    static let bob = Viewer(tenant: acme, user: UserID(generated: "bob"))

    /// A user of a tenant.
    static func viewer(_ user: String = "ann", of tenant: String = "acme") throws -> Viewer {
        Viewer(tenant: try Tenant(tenant), user: try UserID(user))
    }

    /// A requested approval.
    static func request(
        _ approval: String,
        at sequence: UInt64 = 1,
        tenant: String = "acme",
        user: String? = nil,
        members: String = ""
    ) throws -> LogEntry {
        try entry(
            sequence,
            "approval.requested",
            #"{"approvalId":"\#(approval)","remediationId":"rem_\#(approval)"\#(members)}"#,
            tenant: tenant,
            user: user
        )
    }

    /// A decision at its place.
    ///
    /// - Parameters:
    ///   - request: the sequence of the request that it names; nil for a decision from before decisions named one.
    ///   - epoch: of the log in which it names it.
    ///   - others: further recipients beside the user.
    static func decision(
        _ approval: String,
        _ action: String,
        at sequence: UInt64,
        tenant: String = "acme",
        user: String? = nil,
        others: [String] = [],
        of request: UInt64? = nil,
        epoch: UInt16 = 7
    ) throws -> LogEntry {
        let named = request.map {
            #","requestEventId":"\#(Cursor(time: later(Int64($0 % 1_000_000)), epoch: epoch, sequence: $0).text)""#
        }
        return try entry(
            sequence,
            "approval.resolved",
            #"{"approvalId":"\#(approval)","remediationId":"rem_\#(approval)","action":"\#(action)","decidedBy":"ann"\#(named ?? "")}"#,
            tenant: tenant,
            user: user,
            others: others,
            place: .decision(approvalID: try ApprovalID(approval))
        )
    }

    /// The record of a request that is in the log.
    ///
    /// - Parameter sequence: of the record; nil for that of the request's entry.
    static func record(of request: LogEntry, at sequence: UInt64? = nil, epoch: UInt16 = 7) throws -> ApprovalRecord {
        let approvalID = try ApprovalID(request.event.payload.string("approvalId") ?? "")
        return ApprovalRecord(
            sequence: sequence ?? request.sequence,
            place: .request(approvalID: approvalID),
            event: request.event,
            intake: request.intake,
            request: request.cursor(epoch: epoch)
        )
    }

    /// The record of a decision; the event is that of its entry in the log.
    static func record(ofDecision entry: LogEntry, at sequence: UInt64? = nil) throws -> ApprovalRecord {
        record(
            entry.event,
            at: try ApprovalPlace.decision(approvalID: ApprovalID(entry.event.payload.string("approvalId") ?? "")),
            sequence ?? entry.sequence
        )
    }

    /// A record that is not of a request.
    static func record(_ event: Event, at place: ApprovalPlace, _ sequence: UInt64) -> ApprovalRecord {
        ApprovalRecord(sequence: sequence, place: place, event: event, intake: event.time, request: nil)
    }

    /// A vote.
    static func vote(
        _ action: DecisionAction = .approve,
        by user: String,
        for groups: Set<String> = [],
        onBehalfOf other: String? = nil,
        at milliseconds: Int64 = 0,
        record: UInt64 = 0
    ) -> Vote {
        Vote(
            action: action,
            votedBy: UserID(generated: user),
            onBehalfOf: other.map { UserID(generated: $0) },
            votedAt: later(milliseconds),
            groups: groups,
            eventID: EventID(generated: "vote-\(record)"),
            record: record
        )
    }

    /// A delegation from one user of `acme` to another.
    static func delegation(_ giver: String, _ roles: [String], to receiver: String, id: String = "dlg_1") -> Delegation {
        Delegation(
            id: id,
            tenant: acme,
            giver: UserID(generated: giver),
            roles: roles,
            receiver: UserID(generated: receiver),
            createdAt: time,
            until: later(86_400_000)
        )
    }

    /// The retention of a log.
    static func log(epoch: UInt16 = 7, from first: UInt64 = 1, last: UInt64 = .max, deleted: [UInt64] = []) -> LogRetention {
        LogRetention(epoch: epoch, firstSequence: first, lastSequence: last, deleted: DeletedSequences(ascending: deleted))
    }

    /// An approval, of the request's own rules when these are not given.
    ///
    /// - Parameter policy: members of the payload, such as `"groups":[…]`; empty for an approval that one admin decides.
    static func approval(
        requestedBy: String? = nil,
        fourEyes: Bool = false,
        expiry: Approval.Expiry = .never,
        policy members: String = ""
    ) -> Approval {
        Approval(
            request: Approval.Request(
                tenant: acme,
                approvalID: ApprovalID(generated: "apr"),
                remediationID: RemediationID(generated: "rem"),
                requestedBy: requestedBy.map { UserID(generated: $0) },
                requestedAt: time,
                expiry: expiry,
                fourEyes: fourEyes,
                policy: policy(members),
                event: Cursor(time: time, epoch: 7, sequence: 1),
                record: 1
            )
        )
    }

    /// The policy of a payload's members; traps on invalid ones.
    static func policy(_ members: String) -> ApprovalPolicy {
        do {
            return try ApprovalPolicy(Payload(validating: Array("{\(members)}".utf8)), field: "payload")
        } catch {
            preconditionFailure("the policy \(members) is invalid: \(error)")
        }
    }
}
