import GRDB

/// The tables of the read model.
///
/// All of it is drawn from the log and from the read marks' stream, so a new version is not migrated to: the file is recreated.
enum Schema {
    /// Changed whenever the tables change, or what is written into them.
    static let version = 2
    /// Marks a file as a read model of this service (`PRAGMA application_id`): "CWAY".
    static let applicationID: Int32 = 0x4357_4159

    static func create(in database: Database) throws {
        try database.execute(sql: tables)
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Times are milliseconds since 1970; an empty `user` stands for everyone (``Viewer``); places are the sequence in the log and the time of
    /// intake. Read marks name the epoch of the log that they count in, since they come by a stream of their own, before or after what they mark;
    /// `place` is where in that stream they are.
    ///
    /// - Several requests, decisions or effects of one approval are all kept, because the first that the *log* keeps counts, and which one that
    ///   is changes when the log drops its oldest. ``ApprovalStanding`` says in `requests.status` and `notifications.hidden` which ones count.
    /// - Texts that are not identifiers may hold NUL, at which the driver ends a TEXT: they are kept as BLOB.
    /// - `log_stamp_sequence` and `inbox_stamp_sequence` are the last messages that were read, each with the time at which the server stored it, by which the stream
    ///   is recognised again.
    private static let tables = """
        CREATE TABLE progress (
            only INTEGER PRIMARY KEY CHECK (only = 0),
            log_epoch INTEGER NOT NULL, log_position INTEGER NOT NULL, log_stamp_sequence INTEGER NOT NULL, log_stamp_time INTEGER NOT NULL,
            inbox_life INTEGER NOT NULL, inbox_position INTEGER NOT NULL, inbox_stamp_sequence INTEGER NOT NULL, inbox_stamp_time INTEGER NOT NULL
        ) STRICT;
        INSERT INTO progress VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0);

        CREATE TABLE requests (
            tenant TEXT NOT NULL, approval TEXT NOT NULL,
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL,
            user TEXT NOT NULL,
            remediation TEXT NOT NULL, incident TEXT, title BLOB, requested_by TEXT,
            requested_at INTEGER NOT NULL, expires_at INTEGER, four_eyes INTEGER NOT NULL,
            status TEXT,
            PRIMARY KEY (tenant, approval, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX requests_by_age ON requests (tenant, user, sequence) WHERE status IS NOT NULL;
        CREATE INDEX requests_by_status ON requests (tenant, user, status, sequence);
        CREATE INDEX requests_by_expiry ON requests (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;
        CREATE INDEX requests_by_place ON requests (sequence);

        CREATE TABLE decisions (
            tenant TEXT NOT NULL, approval TEXT NOT NULL,
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL,
            user TEXT NOT NULL, event_id TEXT NOT NULL,
            remediation TEXT NOT NULL, incident TEXT, action TEXT NOT NULL,
            decided_by TEXT NOT NULL, decided_at INTEGER NOT NULL, reason BLOB,
            PRIMARY KEY (tenant, approval, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX decisions_by_event ON decisions (tenant, event_id);
        CREATE INDEX decisions_by_place ON decisions (sequence);

        CREATE TABLE effects (
            tenant TEXT NOT NULL, approval TEXT NOT NULL,
            sequence INTEGER NOT NULL, intake INTEGER NOT NULL, type TEXT NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY (tenant, approval, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX effects_by_place ON effects (sequence);

        CREATE TABLE notifications (
            sequence INTEGER PRIMARY KEY, intake INTEGER NOT NULL,
            tenant TEXT NOT NULL, user TEXT NOT NULL, hidden INTEGER NOT NULL,
            type TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
            incident TEXT, remediation TEXT, approval TEXT, created_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX notifications_by_reader ON notifications (tenant, user, sequence) WHERE hidden = 0;

        CREATE TABLE marks (
            tenant TEXT NOT NULL, user TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, read_at INTEGER NOT NULL,
            place INTEGER NOT NULL,
            PRIMARY KEY (tenant, user, epoch, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX marks_by_place ON marks (place);
        CREATE TABLE floors (
            tenant TEXT NOT NULL, user TEXT NOT NULL, epoch INTEGER NOT NULL, through INTEGER NOT NULL, read_at INTEGER NOT NULL,
            place INTEGER NOT NULL,
            PRIMARY KEY (tenant, user, epoch, through)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX floors_by_place ON floors (place);
        """
}
