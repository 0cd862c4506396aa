import Basics
import GRDB

/// Which of several requests and decisions of one approval count.
///
/// - **The decision**: the first that the log keeps.
/// - **The request**: the one that the decision names, and no other; without a decision, or with one from before decisions named a request, the
///   first that the log keeps. So no request is shown with the decision about another one, whatever the log has dropped.
///
/// The intake refuses a request under an id that is used; a program on the bus cannot be refused. A second request then changes nothing about
/// the first and is no news to people; nor is one whose approval was decided before, since nobody could answer it. The answer depends on what
/// the log keeps and on nothing else, so a read model that has followed for a year says the same as one that was just built.
enum ApprovalStanding {
    /// The place of the request of an approval that counts; NULL for none. `?1` is the tenant, `?2` the approval.
    ///
    /// The epoch that a decision names is not compared (``Decision/isAbout(_:)``).
    private static let standing = """
        (SELECT CASE WHEN d.request_sequence IS NULL THEN (SELECT min(sequence) FROM requests WHERE tenant = ?1 AND approval = ?2)
            ELSE (SELECT sequence FROM requests WHERE tenant = ?1 AND approval = ?2
                AND sequence = d.request_sequence AND intake = d.request_intake) END
        FROM (SELECT 1) LEFT JOIN decisions d ON d.tenant = ?1 AND d.approval = ?2
            AND d.sequence = (SELECT min(sequence) FROM decisions WHERE tenant = ?1 AND approval = ?2))
        """

    /// Settles the status of one approval and whether its request is told to people. Called after every change to its rows.
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

    /// Whether a request counts, once it was settled.
    static func stands(_ request: Approval.Request, in database: Database) throws -> Bool {
        let sql = "SELECT 1 FROM requests WHERE tenant = ? AND approval = ? AND sequence = ? AND status IS NOT NULL"
        let arguments: StatementArguments = [request.tenant.text, request.approvalID.text, Int64(clamping: request.place.sequence)]
        return try Row.fetchOne(database.cachedStatement(sql: sql), arguments: arguments) != nil
    }

    /// The condition under which the request at a place asks people for an answer.
    static func isNews(_ tenant: String, _ approval: String, _ sequence: String) -> String {
        """
        (EXISTS (SELECT 1 FROM requests r WHERE r.tenant = \(tenant) AND r.approval = \(approval) AND r.sequence = \(sequence) \
        AND r.status IS NOT NULL) \
        AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.tenant = \(tenant) AND d.approval = \(approval) AND d.sequence < \(sequence)))
        """
    }

    /// Approvals of which something lies between two places, these included.
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
