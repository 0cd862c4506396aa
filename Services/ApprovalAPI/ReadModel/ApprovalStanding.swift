import Basics
import GRDB

/// Selects the request and the decision of an approval that count.
///
/// - **The decision**: the first one that the log keeps.
/// - **The request**: the one that the decision names; without a decision, or with an old one that names none, the first one that the log keeps. So no
///   request is shown with another one's decision, whatever the log has dropped.
///
/// The intake refuses a request under a used id; a program on the bus is not checked. A second request then has no effect and no notification; nor has
/// a request whose approval is already decided, since it could not be answered. The result depends only on what the log keeps, so an old read model
/// and a new one agree.
enum ApprovalStanding {
    /// SQL for the sequence of the request that counts; NULL for none. `?1` is the tenant, `?2` the approval.
    ///
    /// The epoch that a decision names is not compared (``Decision/isAbout(_:)``).
    private static let standing = """
        (SELECT CASE WHEN d.request_sequence IS NULL THEN (SELECT min(sequence) FROM requests WHERE tenant = ?1 AND approval = ?2)
            ELSE (SELECT sequence FROM requests WHERE tenant = ?1 AND approval = ?2
                AND sequence = d.request_sequence AND intake = d.request_intake) END
        FROM (SELECT 1) LEFT JOIN decisions d ON d.tenant = ?1 AND d.approval = ?2
            AND d.sequence = (SELECT min(sequence) FROM decisions WHERE tenant = ?1 AND approval = ?2))
        """

    /// Updates an approval's status, and whether its request is a notification. Called after every change of its rows.
    static func settle(_ tenant: String, _ approval: String, in database: Database) throws {
        let before = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT sequence FROM requests WHERE tenant = ?1 AND approval = ?2 AND status IS NOT NULL"),
            arguments: [tenant, approval]
        )
        let now = try Int64.fetchOne(database.cachedStatement(sql: "SELECT \(standing)"), arguments: [tenant, approval])
        if let before, before != now {
            try database.cachedStatement(sql: "UPDATE requests SET status = NULL WHERE tenant = ?1 AND approval = ?2 AND sequence = ?3")
                .execute(arguments: [tenant, approval, before])
            try settleNotice(tenant, approval, before, in: database)
        }
        guard let now else { return }
        try database.cachedStatement(
            sql: """
                UPDATE requests SET status = coalesce((
                    SELECT CASE action WHEN 'approve' THEN 'approved' WHEN 'reject' THEN 'rejected' ELSE 'expired' END
                    FROM decisions WHERE tenant = ?1 AND approval = ?2 ORDER BY sequence LIMIT 1), 'pending')
                WHERE tenant = ?1 AND approval = ?2 AND sequence = ?3
                """
        )
        .execute(arguments: [tenant, approval, now])
        try settleNotice(tenant, approval, now, in: database)
    }

    private static func settleNotice(_ tenant: String, _ approval: String, _ sequence: Int64, in database: Database) throws {
        try database.cachedStatement(
            sql: "UPDATE notifications SET hidden = NOT \(isNews("?1", "?2", "notifications.sequence")) WHERE sequence = ?3"
        )
        .execute(arguments: [tenant, approval, sequence])
    }

    /// Returns whether a settled request counts.
    static func stands(_ request: Approval.Request, in database: Database) throws -> Bool {
        let sql = "SELECT 1 FROM requests WHERE tenant = ? AND approval = ? AND sequence = ? AND status IS NOT NULL"
        let arguments: StatementArguments = [request.tenant.text, request.approvalID.text, Int64(clamping: request.place.sequence)]
        return try Row.fetchOne(database.cachedStatement(sql: sql), arguments: arguments) != nil
    }

    /// Returns the SQL condition that the request at a sequence counts and its approval was not decided before it.
    static func isNews(_ tenant: String, _ approval: String, _ sequence: String) -> String {
        """
        (EXISTS (SELECT 1 FROM requests r WHERE r.tenant = \(tenant) AND r.approval = \(approval) AND r.sequence = \(sequence) \
        AND r.status IS NOT NULL) \
        AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = \(tenant) AND d.approval = \(approval) AND d.sequence < \(sequence)))
        """
    }

    /// Returns the approvals with a request or a decision between two sequences, inclusive.
    static func affected(by bounds: StatementArguments, in database: Database) throws -> [(tenant: String, approval: String)] {
        let sql = """
            SELECT tenant, approval FROM requests WHERE sequence BETWEEN ?1 AND ?2
            UNION SELECT tenant, approval FROM decisions WHERE sequence BETWEEN ?1 AND ?2
            """
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: bounds).map { row in
            (try row.stored("tenant"), try row.stored("approval"))
        }
    }
}
