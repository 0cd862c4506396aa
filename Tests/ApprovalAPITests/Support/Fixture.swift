import Basics
import EventLog
import EventModel

@testable import approval_api

/// Values for tests.
enum Fixture {
    static let time = Timestamp(millisecondsSinceEpoch: 1_700_000_000_000)

    static func later(_ milliseconds: Int64) -> Timestamp {
        Timestamp(millisecondsSinceEpoch: time.millisecondsSinceEpoch + milliseconds)
    }

    static func event(_ type: String, _ payload: String, tenant: String = "acme", user: String? = nil, id: String = "e") throws -> Event {
        Event(
            id: try EventID(id),
            tenant: try Tenant(tenant),
            type: try EventType(type),
            user: try user.map { try UserID($0) },
            time: time,
            payload: try Payload(validating: Array(payload.utf8))
        )
    }

    static func entry(
        _ sequence: UInt64,
        _ type: String,
        _ payload: String,
        tenant: String = "acme",
        user: String? = nil,
        place: DecisionPlace? = nil
    ) throws -> LogEntry {
        let event = try event(type, payload, tenant: tenant, user: user, id: "e\(sequence)")
        return LogEntry(sequence: sequence, intake: later(Int64(sequence % 1_000_000)), event: event, decisionPlace: place)
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
    static func decision(
        _ approval: String,
        _ action: String,
        at sequence: UInt64,
        tenant: String = "acme",
        user: String? = nil,
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
            place: .decision(approvalID: try ApprovalID(approval))
        )
    }

    /// The retention of a log.
    static func log(epoch: UInt16 = 7, from first: UInt64 = 1, last: UInt64 = .max, deleted: [UInt64] = []) -> LogRetention {
        LogRetention(epoch: epoch, firstSequence: first, lastSequence: last, deleted: DeletedSequences(ascending: deleted))
    }

    static func approval(requestedBy: String? = nil, fourEyes: Bool = false, expiry: Approval.Expiry = .never) -> Approval {
        Approval(
            request: Approval.Request(
                tenant: acme,
                approvalID: ApprovalID(generated: "apr"),
                remediationID: RemediationID(generated: "rem"),
                requestedBy: requestedBy.map { UserID(generated: $0) },
                requestedAt: time,
                expiry: expiry,
                fourEyes: fourEyes,
                place: LogPlace(sequence: 1, intake: time)
            )
        )
    }
}
