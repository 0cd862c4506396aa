import GRDB

/// The tables of the read model.
///
/// Everything is derived from the log and the read marks' stream, so there are no migrations: another version recreates the file.
enum Schema {
    /// Incremented whenever the tables or their content change.
    static let version = 8
    /// Marks a file as a read model of this service (`PRAGMA application_id`): "CWAY".
    static let applicationID: Int32 = 0x4357_4159

    /// Signatures of which a read model of any version contains one: SQLite stores the text of `CREATE TABLE` verbatim. Every table has the
    /// second one, so that a single damaged page cannot hide them all.
    static let marks = ["log_epoch INTEGER NOT NULL, log_position INTEGER NOT NULL", "/* a read model of Causeway */"]

    static func create(in database: Database) throws {
        for sql in [progress, logTables, inboxTables, approvalTables, Tally.table] + Tally.triggersOfNotifications + Tally.triggersOfMarks {
            try database.execute(sql: sql)
        }
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Clears what is derived from the log. Drops and recreates the tables: constant cost.
    static func clearLog(in database: Database) throws {
        for table in ["announcements", "notifications"] { try database.execute(sql: "DROP TABLE \(table)") }
        // No notifications are left to count or mark.
        for sql in ["DELETE FROM tallies", logTables] + Tally.triggersOfNotifications { try database.execute(sql: sql) }
    }

    /// Clears what is derived from the read marks' stream.
    static func clearInbox(in database: Database) throws {
        for table in ["marks", "floors", "mark_messages", "mark_shares"] { try database.execute(sql: "DROP TABLE \(table)") }
        try database.execute(sql: "DELETE FROM tallies WHERE kind = \(Tally.Kind.marks.rawValue)")
        for sql in [inboxTables] + Tally.triggersOfMarks { try database.execute(sql: sql) }
    }

    /// Clears what is derived from the approval records.
    static func clearApprovals(in database: Database) throws {
        for table in ["approvals", "listings", "records", "delegations"] { try database.execute(sql: "DROP TABLE \(table)") }
        try database.execute(sql: approvalTables)
        try database.execute(sql: "UPDATE notifications SET hidden = 1 WHERE type = '\(Approval.Request.typeName)'")
    }

    /// `…_stamp_…` are sequence and stored time of the last message read from each stream. They detect a stream that was
    /// recreated or restored.
    private static let progress = """
        CREATE TABLE progress (
            only INTEGER PRIMARY KEY CHECK (only = 0),
            log_epoch INTEGER NOT NULL, log_position INTEGER NOT NULL, log_stamp_sequence INTEGER NOT NULL, log_stamp_time INTEGER NOT NULL,
            inbox_life INTEGER NOT NULL, inbox_position INTEGER NOT NULL, inbox_stamp_sequence INTEGER NOT NULL, inbox_stamp_time INTEGER NOT NULL,
            approvals_life INTEGER NOT NULL, approvals_position INTEGER NOT NULL, approvals_stamp_sequence INTEGER NOT NULL,
            approvals_stamp_time INTEGER NOT NULL
        ) STRICT;
        INSERT INTO progress VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        """

    /// Times are milliseconds since 1970; `user` is a recipient, empty for everyone (``Viewer``); a place is a sequence in the log and an
    /// intake time. Identifiers have at most 256 bytes, and texts are bounded too (``Approval/Request/maximumTitleBytes``), so that a row
    /// takes a few KiB at most.
    ///
    /// - `notifications` has a row for each recipient.
    /// - `announcements` are the events of approvals that the log keeps; `name` is that of their place (``ApprovalPlace/name``).
    /// - `notifications.hidden` is 1 for a request that is not the recorded one of its approval: another one has the id, so nobody can answer it.
    /// - Texts that are not identifiers may contain NUL, at which the driver would truncate a TEXT: they are stored as BLOB.
    private static let logTables = """
        CREATE TABLE announcements ( /* a read model of Causeway */
            tenant TEXT NOT NULL, approval TEXT NOT NULL, name TEXT NOT NULL,
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY (tenant, approval, name, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX announcements_by_place ON announcements (sequence);

        CREATE TABLE notifications ( /* a read model of Causeway */
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL,
            tenant TEXT NOT NULL, user TEXT NOT NULL, hidden INTEGER NOT NULL,
            type TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
            incident TEXT, remediation TEXT, approval TEXT, created_at INTEGER NOT NULL,
            PRIMARY KEY (sequence, user)
        ) STRICT;
        CREATE INDEX notifications_by_reader ON notifications (tenant, user, sequence) WHERE hidden = 0;
        CREATE INDEX notifications_by_intake ON notifications (tenant, user, intake, sequence);
        CREATE INDEX notifications_by_type ON notifications (tenant, user, type, sequence) WHERE hidden = 0;
        """

    /// `place` is the sequence of the record; `summary` is the request without `action` and `description`, which lists do not need; `deadline` is
    /// ``Approval/latestDeadline`` for none, and `due_at` the next time at which the approval expires or escalates.
    ///
    /// - `approvals.user` is the user to whom the request is addressed; null for everyone. Its groups, in `summary`, name the further
    ///   recipients.
    /// - `listings` has a row for each recipient of a request, with the columns by which lists are filtered and sorted.
    private static let approvalTables = """
        CREATE TABLE approvals ( /* a read model of Causeway */
            tenant TEXT NOT NULL, approval TEXT NOT NULL, place INTEGER NOT NULL,
            epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, intake INTEGER NOT NULL,
            user TEXT, event_id TEXT NOT NULL, requested_at INTEGER NOT NULL,
            summary BLOB NOT NULL, description BLOB, action BLOB, action_digest TEXT,
            deadline INTEGER NOT NULL, due_at INTEGER, status TEXT NOT NULL,
            PRIMARY KEY (tenant, approval)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX approvals_due ON approvals (due_at) WHERE status = 'pending' AND due_at IS NOT NULL;
        CREATE INDEX approvals_due_by_tenant ON approvals (tenant, due_at) WHERE status = 'pending' AND due_at IS NOT NULL;
        CREATE INDEX approvals_pending ON approvals (requested_at, deadline) WHERE status = 'pending';
        CREATE INDEX approvals_by_place ON approvals (place);
        CREATE INDEX approvals_by_event ON approvals (sequence);

        CREATE TABLE listings ( /* a read model of Causeway */
            tenant TEXT NOT NULL, approval TEXT NOT NULL, user TEXT NOT NULL, place INTEGER NOT NULL,
            intake INTEGER NOT NULL, sequence INTEGER NOT NULL, deadline INTEGER NOT NULL, status TEXT NOT NULL,
            PRIMARY KEY (tenant, approval, user)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX listings_by_age ON listings (tenant, user, intake, sequence);
        CREATE INDEX listings_by_status ON listings (tenant, user, status, intake, sequence);
        CREATE INDEX listings_by_deadline ON listings (tenant, user, deadline, sequence);
        CREATE INDEX listings_by_status_and_deadline ON listings (tenant, user, status, deadline, sequence);
        CREATE INDEX listings_by_place ON listings (place);

        CREATE TABLE records ( /* a read model of Causeway */
            tenant TEXT NOT NULL, approval TEXT NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL,
            event_id TEXT NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL, payload BLOB NOT NULL,
            PRIMARY KEY (tenant, approval, place)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX records_by_event ON records (tenant, event_id);
        CREATE INDEX records_by_place ON records (place);

        CREATE TABLE delegations ( /* a read model of Causeway */
            tenant TEXT NOT NULL, id TEXT NOT NULL, place INTEGER NOT NULL,
            giver TEXT NOT NULL, roles BLOB NOT NULL, receiver TEXT NOT NULL, created_at INTEGER NOT NULL, until INTEGER NOT NULL,
            PRIMARY KEY (tenant, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX delegations_by_receiver ON delegations (tenant, receiver, until);
        CREATE INDEX delegations_by_giver ON delegations (tenant, giver, until);
        CREATE INDEX delegations_by_place ON delegations (place);
        """

    /// Read marks carry the epoch of the log that they apply to, because they arrive over a separate stream, before or after the events that they
    /// mark. `intake` is the event's intake time (``ReadMark/anyIntake`` for any, in `floors` ``ReadMark/latestIntake``), `place` the mark's sequence
    /// in its stream.
    ///
    /// - `floors.superseded` is 1 when a later mark of the reader covers the same, by sequence and by intake time.
    /// - `mark_messages` has a row for each message of the stream whose notification the log keeps, even if the message changed nothing; triggers
    ///   maintain the sum of each tenant in `mark_shares`.
    private static let inboxTables = """
        CREATE TABLE marks ( /* a read model of Causeway */
            tenant TEXT NOT NULL, user TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, intake INTEGER NOT NULL,
            read_at INTEGER NOT NULL, place INTEGER NOT NULL,
            PRIMARY KEY (tenant, user, epoch, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX marks_by_place ON marks (place);
        CREATE INDEX marks_by_notification ON marks (sequence, epoch);
        CREATE TABLE floors ( /* a read model of Causeway */
            tenant TEXT NOT NULL, user TEXT NOT NULL, epoch INTEGER NOT NULL, through INTEGER NOT NULL, intake INTEGER NOT NULL,
            read_at INTEGER NOT NULL, place INTEGER NOT NULL, superseded INTEGER NOT NULL,
            PRIMARY KEY (tenant, user, epoch, through, intake)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX floors_by_place ON floors (place);
        CREATE INDEX floors_standing ON floors (tenant, user, epoch) WHERE superseded = 0;
        CREATE TABLE mark_messages ( /* a read model of Causeway */
            place INTEGER PRIMARY KEY, tenant TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, bytes INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE mark_shares ( /* a read model of Causeway */
            tenant TEXT PRIMARY KEY, bytes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER mark_message_came AFTER INSERT ON mark_messages BEGIN
            INSERT INTO mark_shares VALUES (new.tenant, new.bytes) ON CONFLICT DO UPDATE SET bytes = bytes + new.bytes;
        END;
        CREATE TRIGGER mark_message_went AFTER DELETE ON mark_messages BEGIN
            UPDATE mark_shares SET bytes = bytes - old.bytes WHERE tenant = old.tenant;
            DELETE FROM mark_shares WHERE tenant = old.tenant AND bytes <= 0;
        END;
        """
}
