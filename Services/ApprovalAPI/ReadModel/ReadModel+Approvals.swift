import Basics
import EventModel
import Foundation
import GRDB
import HTTPAPI

extension ReadModel {
    /// Returns the approval with that id; nil when absent or not visible to the viewer.
    func approval(_ id: ApprovalID, for viewer: Viewer) async throws -> Approval? {
        try await read(for: .tenant(viewer.tenant)) { database in
            try Row.fetchOne(
                database.cachedStatement(
                    sql: Self.selection(from: "requests")
                        + " WHERE r.status IS NOT NULL AND r.approval = :approval AND \(Viewer.sees("r"))"
                ),
                arguments: viewer.arguments + ["approval": id.text]
            ).map(Approval.init(row:))
        }
    }

    /// Returns approvals that the viewer may see, newest first.
    ///
    /// - Parameters:
    ///   - status: only those with this status; nil for all.
    ///   - before: only those requested before this sequence; nil for the newest.
    ///   - limit: maximum number.
    ///   - holder: the owner of the read, for fair scheduling; nil for the viewer's tenant.
    func approvals(
        for viewer: Viewer,
        status: ApprovalStatus?,
        before: UInt64?,
        limit: Int,
        holder: ReaderShares.Holder? = nil
    ) async throws -> [Approval] {
        try await read(for: holder ?? .tenant(viewer.tenant)) { database in
            let source = Viewer.newest(of: "requests", where: status == nil ? "n.status IS NOT NULL" : "n.status = :status")
            var arguments = viewer.arguments + ["before": before.map { Int64(clamping: $0) } ?? Int64.max, "limit": limit]
            if let status { arguments += ["status": status.rawValue] }
            return try Row.fetchAll(
                database.cachedStatement(sql: Self.selection(from: source) + " ORDER BY r.sequence DESC LIMIT :limit"),
                arguments: arguments
            ).map(Approval.init(row:))
        }
    }

    /// Returns pending, overdue approvals of any tenant, longest overdue first.
    ///
    /// - Parameter after: the last one of the page before; nil for the first page.
    func overdue(by now: Timestamp, after: Approval? = nil, limit: Int) async throws -> [Approval] {
        let request = after?.request
        return try await read(for: .process) { database in
            var page = ""
            var arguments: StatementArguments = ["now": now.millisecondsSinceEpoch, "limit": limit]
            if let request, case .at(let expiry) = request.expiry {
                page = "AND (r.expires_at, r.tenant, r.approval, r.sequence) > (:expiry, :tenant, :approval, :sequence)"
                arguments += [
                    "expiry": expiry.millisecondsSinceEpoch, "tenant": request.tenant.text, "approval": request.approvalID.text,
                    "sequence": Int64(clamping: request.place.sequence),
                ]
            }
            let sql = """
                \(Self.selection(from: "requests"))
                WHERE r.status = 'pending' AND r.expires_at IS NOT NULL AND r.expires_at <= :now \(page)
                ORDER BY r.expires_at, r.tenant, r.approval, r.sequence LIMIT :limit
                """
            return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map(Approval.init(row:))
        }
    }

    /// Whether the viewer's key was used to decide another approval.
    func hasDecided(under key: IdempotencyKey, _ viewer: Viewer, otherThan id: ApprovalID) async throws -> Bool {
        let prefix = DecisionID.prefix(key: key, of: viewer)
        return try await read(for: .tenant(viewer.tenant)) { database in
            // The prefix is followed by hexadecimal digits, which sort before "~".
            let sql = "SELECT 1 FROM decisions WHERE tenant = ? AND event_id >= ? AND event_id < ? AND approval <> ? LIMIT 1"
            let arguments: StatementArguments = [viewer.tenant.text, prefix, prefix + "~", id.text]
            return try Row.fetchOne(database.cachedStatement(sql: sql), arguments: arguments) != nil
        }
    }

    /// Returns SQL for requests with the first decision of their approval and the first effect behind it. Where a request has a status, the decision
    /// is about that request (``ApprovalStanding``).
    private static func selection(from source: String) -> String {
        func first(_ table: String, as alias: String, after place: String) -> String {
            """
            LEFT JOIN \(table) \(alias) ON \(alias).tenant = r.tenant AND \(alias).approval = r.approval AND \(alias).sequence = (
                SELECT min(sequence) FROM \(table) WHERE tenant = r.tenant AND approval = r.approval AND sequence > \(place))
            """
        }
        return """
            SELECT r.*, d.sequence AS d_sequence, d.intake AS d_intake, d.user AS d_user, d.event_id, d.remediation AS d_remediation,
                d.incident AS d_incident, d.action, d.decided_by, d.decided_at, d.reason,
                d.request_epoch, d.request_sequence, d.request_intake,
                e.sequence AS e_sequence, e.intake AS e_intake, e.type AS e_type, e.time AS e_time
            FROM \(source) r \(first("decisions", as: "d", after: "0")) \(first("effects", as: "e", after: "d.sequence"))
            """
    }
}

extension Approval {
    fileprivate init(row: Row) throws {
        request = Request(
            tenant: try Tenant(stored: row.stored("tenant")),
            approvalID: try ApprovalID(stored: row.stored("approval")),
            remediationID: try RemediationID(stored: row.stored("remediation")),
            incidentID: try (row.stored("incident") as String?).map { try IncidentID(stored: $0) },
            title: SQLText.text(try row.stored("title")),
            user: Viewer.user(ofAudience: try row.stored("user")),
            requestedBy: try (row.stored("requested_by") as String?).map { try UserID(stored: $0) },
            requestedAt: try row.time("requested_at"),
            expiry: try (row.stored("expires_at") as Int64?).map { .at(Timestamp(millisecondsSinceEpoch: $0)) } ?? .never,
            fourEyes: try row.stored("four_eyes"),
            place: LogPlace(try row.stored("sequence"), intake: try row.stored("intake"))
        )
        decision = try Decided(row: row, on: request.approvalID)
        effect = try (row.stored("e_sequence") as Int64?).map { sequence in
            Effect(
                typeName: try row.stored("e_type"),
                time: try row.time("e_time"),
                place: LogPlace(sequence, intake: try row.stored("e_intake"))
            )
        }
    }
}

extension Approval.Decided {
    fileprivate init?(row: Row, on approvalID: ApprovalID) throws {
        guard let sequence = try row.stored("d_sequence") as Int64? else { return nil }
        let word: String = try row.stored("action")
        guard let action = DecisionAction(rawValue: word) else {
            throw DatabaseError.damaged(ValidationError(field: "action", message: "must be approve, reject or expire"))
        }
        let request = try (row.stored("request_sequence") as Int64?).map { sequence in
            Cursor(
                time: try row.time("request_intake"),
                epoch: UInt16(truncatingIfNeeded: try row.stored("request_epoch") as Int64),
                sequence: UInt64(clamping: sequence)
            )
        }
        self.init(
            eventID: try EventID(stored: row.stored("event_id")),
            decision: Decision(
                approvalID: approvalID,
                remediationID: try RemediationID(stored: row.stored("d_remediation")),
                incidentID: try (row.stored("d_incident") as String?).map { try IncidentID(stored: $0) },
                user: Viewer.user(ofAudience: try row.stored("d_user")),
                action: action,
                decidedBy: try UserID(stored: row.stored("decided_by")),
                decidedAt: try row.time("decided_at"),
                reason: SQLText.text(try row.stored("reason")),
                request: request
            ),
            place: LogPlace(sequence, intake: try row.stored("d_intake"))
        )
    }
}

extension Row {
    /// Returns a time, which is stored in milliseconds since 1970.
    func time(_ column: String) throws -> Timestamp { Timestamp(millisecondsSinceEpoch: try stored(column)) }
}

extension LogPlace {
    /// Creates a place from its columns.
    init(_ sequence: Int64, intake: Int64) {
        self.init(sequence: UInt64(clamping: sequence), intake: Timestamp(millisecondsSinceEpoch: intake))
    }
}
