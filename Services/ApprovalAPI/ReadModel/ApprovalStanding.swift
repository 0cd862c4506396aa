import GRDB

/// Which of several requests and decisions of one approval count: the first of each that the log keeps.
///
/// The intake refuses a request under an id that is used; a program on the bus cannot be refused. A second request then changes nothing about
/// the first and is no news to people; nor is one whose approval was decided before, since nobody could answer it. The answer depends on what
/// the log keeps and on nothing else, so a read model that has followed for a year says the same as one that was just built.
enum ApprovalStanding {
    /// Settles the status of one approval and whether its request is told to people. Called after every change to its rows.
    static func settle(_ tenant: String, _ approval: String, in database: Database) throws {
        try database.cachedStatement(
            sql: """
                UPDATE requests SET status = coalesce((
                    SELECT CASE action WHEN 'approve' THEN 'approved' WHEN 'reject' THEN 'rejected' ELSE 'expired' END
                    FROM decisions WHERE tenant = ?1 AND approval = ?2 ORDER BY sequence LIMIT 1), 'pending')
                WHERE tenant = ?1 AND approval = ?2
                    AND sequence = (SELECT min(sequence) FROM requests WHERE tenant = ?1 AND approval = ?2)
                """
        )
        .execute(arguments: [tenant, approval])
        try database.cachedStatement(
            sql: """
                UPDATE notifications SET hidden = NOT \(isNews("?1", "?2", "notifications.sequence"))
                WHERE sequence = (SELECT min(sequence) FROM requests WHERE tenant = ?1 AND approval = ?2)
                """
        )
        .execute(arguments: [tenant, approval])
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
