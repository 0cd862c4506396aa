import GRDB

/// The tables of the read model.
///
/// Everything is derived from the log and the read marks' stream, so there are no migrations: another version recreates the file.
enum Schema {
    /// Incremented whenever the tables or their content change.
    static let version = 5
    /// Marks a file as a read model of this service (`PRAGMA application_id`): "CWAY".
    static let applicationID: Int32 = 0x4357_4159

    /// Signatures of which a read model of any version contains one: SQLite stores the text of `CREATE TABLE` verbatim. Every table has the
    /// second one, so that a single damaged page cannot hide them all.
    static let marks = ["log_epoch INTEGER NOT NULL, log_position INTEGER NOT NULL", "/* a read model of Causeway */"]

    static func create(in database: Database) throws {
        for sql in [progress, logTables, inboxTables, Tally.table] + Tally.triggersOfNotifications + Tally.triggersOfMarks {
            try database.execute(sql: sql)
        }
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Clears what is derived from the log. Drops and recreates the tables: constant cost.
    static func clearLog(in database: Database) throws {
        for table in ["requests", "decisions", "effects", "notifications"] { try database.execute(sql: "DROP TABLE \(table)") }
        // No notifications are left to count or mark.
        for sql in ["DELETE FROM tallies", logTables] + Tally.triggersOfNotifications { try database.execute(sql: sql) }
    }

    /// Clears what is derived from the read marks' stream.
    static func clearInbox(in database: Database) throws {
        for table in ["marks", "floors", "mark_messages", "mark_shares"] { try database.execute(sql: "DROP TABLE \(table)") }
        try database.execute(sql: "DELETE FROM tallies WHERE kind = \(Tally.Kind.marks.rawValue)")
        for sql in [inboxTables] + Tally.triggersOfMarks { try database.execute(sql: sql) }
    }

    /// `log_stamp_…` and `inbox_stamp_…` are sequence and stored time of the last message read from each stream. They detect a stream that was
    /// recreated or restored.
    private static let progress = """
        CREATE TABLE progress (
            only INTEGER PRIMARY KEY CHECK (only = 0),
            log_epoch INTEGER NOT NULL, log_position INTEGER NOT NULL, log_stamp_sequence INTEGER NOT NULL, log_stamp_time INTEGER NOT NULL,
            inbox_life INTEGER NOT NULL, inbox_position INTEGER NOT NULL, inbox_stamp_sequence INTEGER NOT NULL, inbox_stamp_time INTEGER NOT NULL
        ) STRICT;
        INSERT INTO progress VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0);
        """

    /// Times are milliseconds since 1970; an empty `user` stands for everyone (``Viewer``); a place is a sequence in the log and an intake time.
    /// Identifiers have at most 256 bytes, and texts are bounded too (``Approval/Request/maximumTitleBytes``), so that a row takes a few KiB at most.
    ///
    /// - All requests, decisions and effects of an approval are stored, because the first one that the *log* keeps counts, and that changes when the
    ///   log drops its oldest messages. ``ApprovalStanding`` records in `requests.status` and `notifications.hidden` which ones count. At most one
    ///   request of an approval has a status.
    /// - Texts that are not identifiers may contain NUL, at which the driver would truncate a TEXT: they are stored as BLOB.
    private static let logTables = """
        CREATE TABLE requests ( /* a read model of Causeway */
            tenant TEXT NOT NULL, approval TEXT NOT NULL,
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL,
            user TEXT NOT NULL,
            remediation TEXT NOT NULL, incident TEXT, title BLOB, requested_by TEXT,
            requested_at INTEGER NOT NULL, expires_at INTEGER, four_eyes INTEGER NOT NULL,
            status TEXT,
            PRIMARY KEY (tenant, approval, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX requests_standing ON requests (tenant, approval) WHERE status IS NOT NULL;
        CREATE INDEX requests_by_age ON requests (tenant, user, sequence) WHERE status IS NOT NULL;
        CREATE INDEX requests_by_status ON requests (tenant, user, status, sequence);
        CREATE INDEX requests_by_expiry ON requests (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;
        CREATE INDEX requests_by_place ON requests (sequence);

        CREATE TABLE decisions ( /* a read model of Causeway */
            tenant TEXT NOT NULL, approval TEXT NOT NULL,
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL,
            user TEXT NOT NULL, event_id TEXT NOT NULL,
            remediation TEXT NOT NULL, incident TEXT, action TEXT NOT NULL,
            decided_by TEXT NOT NULL, decided_at INTEGER NOT NULL, reason BLOB,
            request_epoch INTEGER, request_sequence INTEGER, request_intake INTEGER,
            PRIMARY KEY (tenant, approval, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX decisions_by_event ON decisions (tenant, event_id);
        CREATE INDEX decisions_by_place ON decisions (sequence);

        CREATE TABLE effects ( /* a read model of Causeway */
            tenant TEXT NOT NULL, approval TEXT NOT NULL,
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY (tenant, approval, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX effects_by_place ON effects (sequence);

        CREATE TABLE notifications ( /* a read model of Causeway */
            sequence INTEGER PRIMARY KEY, intake INTEGER NOT NULL,
            tenant TEXT NOT NULL, user TEXT NOT NULL, hidden INTEGER NOT NULL,
            type TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
            incident TEXT, remediation TEXT, approval TEXT, created_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX notifications_by_reader ON notifications (tenant, user, sequence) WHERE hidden = 0;
        CREATE INDEX notifications_by_intake ON notifications (tenant, user, intake, sequence);
        CREATE INDEX notifications_by_type ON notifications (tenant, user, type, sequence) WHERE hidden = 0;
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
