import Basics
import EventModel
import GRDB

extension ReadModel {
    /// The approval of that id in a tenant; nil when the model knows none.
    func approval(tenant: String, id: String) async throws -> Approval? {
        try await read { database in
            try Row.fetchOne(
                database.cachedStatement(sql: Self.selection + " WHERE r.tenant = ? AND r.approval = ?"),
                arguments: [tenant, id]
            ).map(Approval.init(row:))
        }
    }

    /// Approvals of a tenant, newest first.
    ///
    /// - Parameters:
    ///   - status: only those that stand there; nil for all.
    ///   - before: only those that were asked for before this place in the log; nil for the newest.
    ///   - limit: how many at most.
    func approvals(tenant: String, status: ApprovalStatus?, before: UInt64?, limit: Int) async throws -> [Approval] {
        try await read { database in
            let filter = status == nil ? "" : " AND r.status = ?3"
            return try Row.fetchAll(
                database.cachedStatement(
                    sql: Self.selection + " WHERE r.tenant = ?1 AND r.sequence < ?2\(filter) ORDER BY r.sequence DESC LIMIT \(limit)"
                ),
                arguments: StatementArguments(
                    [tenant, before.map { Int64(clamping: $0) } ?? Int64.max] + (status.map { [$0.rawValue] } ?? [])
                )
            ).map(Approval.init(row:))
        }
    }

    /// Approvals of any tenant that nobody has answered and whose time is over, longest first.
    func overdue(by now: Timestamp, limit: Int) async throws -> [Approval] {
        try await read { database in
            try Row.fetchAll(
                database.cachedStatement(
                    sql: Self.selection
                        + " WHERE r.status = 'pending' AND r.expires_at IS NOT NULL AND r.expires_at <= ? ORDER BY r.expires_at LIMIT ?"
                ),
                arguments: [now.millisecondsSinceEpoch, limit]
            ).map(Approval.init(row:))
        }
    }

    private static let selection = """
        SELECT r.*, d.sequence AS d_sequence, d.intake AS d_intake, d.event_id, d.remediation AS d_remediation, d.incident AS d_incident,
            d.action, d.decided_by, d.decided_at, d.reason, e.sequence AS e_sequence, e.intake AS e_intake, e.type AS e_type, e.time AS e_time
        FROM requests r LEFT JOIN decisions d USING (tenant, approval) LEFT JOIN effects e USING (tenant, approval)
        """
}

extension Approval {
    fileprivate init(row: Row) {
        request = Request(
            tenant: row["tenant"],
            approvalID: row["approval"],
            remediationID: row["remediation"],
            incidentID: row["incident"],
            title: row["title"],
            requestedBy: row["requested_by"],
            requestedAt: Timestamp(millisecondsSinceEpoch: row["requested_at"]),
            expiry: (row["expires_at"] as Int64?).map { .at(Timestamp(millisecondsSinceEpoch: $0)) } ?? .never,
            fourEyes: row["four_eyes"],
            place: LogPlace(sequence: UInt64(clamping: row["sequence"] as Int64), intake: Timestamp(millisecondsSinceEpoch: row["intake"]))
        )
        decision = Decided(row: row)
        effect = (row["e_sequence"] as Int64?).map { sequence in
            Effect(
                typeName: row["e_type"],
                time: Timestamp(millisecondsSinceEpoch: row["e_time"]),
                place: LogPlace(sequence: UInt64(clamping: sequence), intake: Timestamp(millisecondsSinceEpoch: row["e_intake"]))
            )
        }
    }
}

extension Approval.Decided {
    fileprivate init?(row: Row) {
        guard let sequence = row["d_sequence"] as Int64?, let action = DecisionAction(rawValue: row["action"]) else { return nil }
        self.init(
            eventID: EventID(generated: row["event_id"]),
            decision: Decision(
                approvalID: row["approval"],
                remediationID: row["d_remediation"],
                incidentID: row["d_incident"],
                action: action,
                decidedBy: row["decided_by"],
                decidedAt: Timestamp(millisecondsSinceEpoch: row["decided_at"]),
                reason: row["reason"]
            ),
            place: LogPlace(sequence: UInt64(clamping: sequence), intake: Timestamp(millisecondsSinceEpoch: row["d_intake"]))
        )
    }
}
