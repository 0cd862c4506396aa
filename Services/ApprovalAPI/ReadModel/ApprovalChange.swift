import Basics
import EventLog
import EventModel
import Foundation
import GRDB
import Logging
import NATSClient

/// The change of the read model for a message of the approval records' stream.
enum ApprovalChange: Sendable {
    case request(Approval.Request, eventID: EventID, ApprovalRecord)
    /// A vote, escalation, decision or consumption.
    case record(ApprovalRecord)
    case delegation(Delegation, place: UInt64)
    case revocation(tenant: Tenant, id: String)

    /// Turns messages of the stream into a change of the read model.
    static func changes(_ messages: [JetStreamMessage], _ logger: Logger) -> @Sendable (Database) throws -> Void {
        let changes = messages.compactMap { message in
            let change = ApprovalChange(message)
            if change == nil {
                logger.warning(
                    "skipped a message that is not a record of an approval",
                    metadata: [
                        LogKey.stream: "\(EventLogConfiguration.approvalsName)", LogKey.sequence: "\(message.metadata.streamSequence)",
                    ]
                )
            }
            return change
        }
        return { database in for change in changes { try change.write(to: database) } }
    }

    /// Parses a message; nil when malformed.
    init?(_ message: JetStreamMessage) {
        let place = message.metadata.streamSequence
        if message.message.subject.hasPrefix("\(Delegation.prefix).") {
            switch DelegationMessage(subject: message.message.subject, body: message.message.payload) {
            case .given(let delegation)?: self = .delegation(delegation, place: place)
            case .revoked(let tenant, let id)?: self = .revocation(tenant: tenant, id: id)
            case nil: return nil
            }
            return
        }
        guard let record = try? ApprovalRecords.record(of: message) else { return nil }
        self.init(record)
    }

    /// Returns the change for a record; nil when its event is malformed.
    init?(_ record: ApprovalRecord) {
        guard let cursor = record.request else {
            self = .record(record)
            return
        }
        guard var request = Approval.Request(record.event, at: cursor), request.approvalID == record.place.approvalID else { return nil }
        request.record = record.sequence
        self = .request(request, eventID: record.event.id, record)
    }

    // MARK: Writing

    /// Writes the change; idempotent.
    func write(to database: Database) throws {
        switch self {
        case .request(let request, let eventID, let record): try Self.write(request, eventID, record.event, to: database)
        case .record(let record): try Self.write(record, to: database)
        case .delegation(let delegation, let place): try Self.write(delegation, at: place, to: database)
        case .revocation(let tenant, let id):
            try database.cachedStatement(sql: "DELETE FROM delegations WHERE tenant = ? AND id = ?").execute(arguments: [tenant.text, id])
        }
    }

    private static func write(_ request: Approval.Request, _ eventID: EventID, _ event: Event, to database: Database) throws {
        let key: [any DatabaseValueConvertible] = [request.tenant.text, request.approvalID.text]
        // A former approval had the id, and its record has expired since: a place takes one record.
        try ReadModel.SideSource.drop(approval: key, before: Int64(clamping: request.record), in: database)
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO approvals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending')")
            .execute(
                arguments: StatementArguments(key) + [
                    Int64(clamping: request.record), Int64(request.event.epoch), Int64(clamping: request.event.sequence),
                    request.event.time.millisecondsSinceEpoch, request.recipients.user?.text, eventID.text,
                    request.requestedAt.millisecondsSinceEpoch, Data(Approval.Request.summary(of: event.payload)),
                    SQLText.blob(request.description), request.action.map { Data($0) }, request.actionDigest?.text,
                    request.deadline, request.due(after: 0),
                ]
            )
        // Another request has the id: the stream was put back to an older copy.
        guard database.changesCount > 0 else { return }
        for audience in Viewer.audiences(of: request.recipients) {
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO listings VALUES (?, ?, ?, ?, ?, ?, ?, 'pending')")
                .execute(
                    arguments: StatementArguments(key) + [
                        audience, Int64(clamping: request.record), request.event.time.millisecondsSinceEpoch,
                        Int64(clamping: request.event.sequence), request.deadline,
                    ]
                )
        }
        try database.cachedStatement(
            sql: """
                UPDATE notifications SET hidden = 0 WHERE sequence = ?1 AND intake = ?2 AND tenant = ?3 AND approval = ?4 AND type = ?5
                """
        )
        .execute(arguments: [
            Int64(clamping: request.event.sequence), request.event.time.millisecondsSinceEpoch, request.tenant.text,
            request.approvalID.text, Approval.Request.typeName,
        ])
    }

    private static func write(_ record: ApprovalRecord, to database: Database) throws {
        let (event, approvalID) = (record.event, record.place.approvalID)
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                event.tenant.text, approvalID.text, Int64(clamping: record.sequence), record.place.name,
                event.id.text, event.type.name, event.time.millisecondsSinceEpoch, Data(event.payload.bytes),
            ])
        switch record.place {
        case .decision: try settle(event.tenant, approvalID, Decision(event, on: approvalID)?.action, in: database)
        case .escalation(_, let step): try escalate(event.tenant, approvalID, to: step, in: database)
        case .request, .vote, .effect, .consumption: break
        }
    }

    private static func settle(_ tenant: Tenant, _ approvalID: ApprovalID, _ action: DecisionAction?, in database: Database) throws {
        guard let action else { return }
        for table in ["approvals", "listings"] {
            try database.cachedStatement(sql: "UPDATE \(table) SET status = ? WHERE tenant = ? AND approval = ?")
                .execute(arguments: [action.status.rawValue, tenant.text, approvalID.text])
        }
    }

    private static func escalate(_ tenant: Tenant, _ approvalID: ApprovalID, to step: Int, in database: Database) throws {
        let sql = "SELECT * FROM approvals WHERE tenant = ? AND approval = ?"
        let key: StatementArguments = [tenant.text, approvalID.text]
        guard let row = try Row.fetchOne(database.cachedStatement(sql: sql), arguments: key) else { return }
        let due = try Approval.Request(row: row).due(after: step)
        try database.cachedStatement(sql: "UPDATE approvals SET due_at = ? WHERE tenant = ? AND approval = ?")
            .execute(arguments: [due] + key)
    }

    private static func write(_ delegation: Delegation, at place: UInt64, to database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO delegations VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                delegation.tenant.text, delegation.id, Int64(clamping: place), delegation.giver.text,
                Data(try JSONEncoder().encode(delegation.roles)), delegation.receiver.text,
                delegation.createdAt.millisecondsSinceEpoch, delegation.until.millisecondsSinceEpoch,
            ])
    }
}

extension Approval {
    /// Stored as the deadline of an approval that does not expire: the latest time that a cursor can carry.
    static let latestDeadline: Int64 = 1 << 48 - 1
}

extension Approval.Request {
    /// The deadline as stored, in milliseconds since 1970.
    var deadline: Int64 {
        guard case .at(let time) = expiry else { return Approval.latestDeadline }
        return min(max(0, time.millisecondsSinceEpoch), Approval.latestDeadline)
    }

    /// Returns when the approval expires or escalates next, in milliseconds since 1970; nil for never.
    ///
    /// - Parameter step: the last step of the escalation in force; 0 for none.
    fileprivate func due(after step: Int) -> Int64? {
        var times: [Int64] = []
        if case .at(let time) = expiry { times.append(time.millisecondsSinceEpoch) }
        if let time = escalates(at: step + 1) { times.append(time.millisecondsSinceEpoch) }
        return times.min()
    }

    /// Members of the payload that lists show or need.
    private static let listed = [
        "approvalId", "remediationId", "incidentId", "title", "risk", "requestedBy", "fourEyes", "expiresAt", "groups", "escalation",
    ]

    /// Returns the payload without what lists do not show, and without unknown members.
    fileprivate static func summary(of payload: Payload) -> [UInt8] {
        var out: [UInt8] = []
        for name in listed {
            guard let json = payload.json(name) else { continue }
            out.append(UInt8(ascii: out.isEmpty ? "{" : ","))
            out += "\"\(name)\":".utf8
            out += json
        }
        return out + "}".utf8
    }
}
