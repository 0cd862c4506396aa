/// Maintained counts of a reader's notifications above a place: the table `tallies`.
///
/// Sequences are divided into buckets of 2^10, of 2^20 and of 2^32. Each row counts one bucket: the notifications for one audience that are not hidden,
/// or those of them that one reader has marked as read. The count above a sequence is the sum of the buckets above it, at most some thousand rows
/// whatever the list's length, plus a count of the rows in the sequence's smallest bucket.
///
/// Triggers update the rows in the transaction of each change: a notification or a mark is added, in either order, dropped, hidden or shown again. The
/// cost is constant per change, independent of the number of users or notifications.
enum Tally {
    /// What is counted.
    enum Kind: Int {
        /// Notifications that are not hidden, by audience (``Viewer/audiences(of:)``).
        case notifications = 0
        /// Notifications that the user has marked individually.
        case marks = 1
    }

    /// The sizes of the buckets, as powers of two.
    private static let shifts = [10, 20, 32]

    static let table = """
        CREATE TABLE tallies ( /* a read model of Causeway */
            tenant TEXT NOT NULL, user TEXT NOT NULL, kind INTEGER NOT NULL, shift INTEGER NOT NULL, bucket INTEGER NOT NULL, n INTEGER NOT NULL,
            PRIMARY KEY (tenant, user, kind, shift, bucket)
        ) STRICT, WITHOUT ROWID
        """

    // MARK: Queries

    /// Returns SQL for the sum of the buckets above `:floor`, without the smallest bucket that contains it; takes ``Viewer/arguments`` and `:floor`.
    ///
    /// - Parameter user: the value of the column `user`, as SQL.
    static func above(_ kind: Kind, user: String) -> String {
        zip(shifts, shifts.dropFirst().map(Optional.some) + [nil]).map { shift, parent in
            // Only buckets within the next larger bucket that contains the floor; the largest size has no such limit.
            let last = parent.map { " AND t.bucket <= ((((:floor >> \($0)) << \($0 - shift)) + \(1 << ($0 - shift) - 1)))" } ?? ""
            return """
                (SELECT coalesce(sum(n), 0) FROM tallies t WHERE t.tenant = :tenant AND t.user = \(user) AND t.kind = \(kind.rawValue) \
                AND t.shift = \(shift) AND t.bucket > (:floor >> \(shift))\(last))
                """
        }.joined(separator: " + ")
    }

    /// Returns the SQL condition that `sequence` is above `:floor` and in the smallest bucket that contains `:floor`.
    static func isNear(_ sequence: String) -> String {
        "\(sequence) > :floor AND \(sequence) <= (((:floor >> \(shifts[0])) << \(shifts[0])) + \(1 << shifts[0] - 1))"
    }

    /// Returns the SQL condition that a mark at a notification's sequence is about that notification, and not about an event of an older copy of the
    /// log. Takes the aliases of both tables.
    static func isOf(_ mark: String, _ notification: String) -> String {
        "\(mark).intake IN (\(ReadMark.anyIntake), \(notification).intake)"
    }

    // MARK: Triggers

    static var triggersOfNotifications: [String] {
        comes("notification_came", "INSERT ON notifications WHEN new.hidden = 0")
            + goes("notification_went", "DELETE ON notifications WHEN old.hidden = 0")
            + comes("notification_shown", "UPDATE OF hidden ON notifications WHEN new.hidden = 0 AND old.hidden <> 0")
            + goes("notification_hidden", "UPDATE OF hidden ON notifications WHEN new.hidden <> 0 AND old.hidden = 0")
    }

    static var triggersOfMarks: [String] {
        func counts(_ mark: String) -> String {
            """
            \(mark).epoch = (SELECT log_epoch FROM progress) AND EXISTS (SELECT 1 FROM notifications n \
            WHERE n.sequence = \(mark).sequence AND \(isOf(mark, "n")) AND n.hidden = 0 AND n.tenant = \(mark).tenant \
            AND n.user IN ('\(Viewer.everyone)', \(mark).user))
            """
        }
        return [
            trigger("mark_came", "INSERT ON marks WHEN \(counts("new"))", [add(.marks, "new.tenant", "new.user", "new.sequence")]),
            trigger("mark_went", "DELETE ON marks WHEN \(counts("old"))", subtract(.marks, "old.tenant", "= old.user", "old.sequence")),
        ]
    }

    private static func trigger(_ name: String, _ event: String, _ statements: [String]) -> String {
        "CREATE TRIGGER \(name) AFTER \(event) BEGIN \(statements.map { $0 + "; " }.joined())END"
    }

    /// Returns the triggers for an added notification.
    private static func comes(_ name: String, _ event: String) -> [String] {
        let buckets = shifts.map { "SELECT \($0) AS shift, (new.sequence >> \($0)) AS bucket" }.joined(separator: " UNION ALL ")
        let marked = """
            INSERT INTO tallies SELECT m.tenant, m.user, \(Kind.marks.rawValue), b.shift, b.bucket, 1 \
            FROM marks m, (\(buckets)) b WHERE \(marks("new")) ON CONFLICT DO UPDATE SET n = n + 1
            """
        return triggers(name, event, "new", [add(.notifications, "new.tenant", "new.user", "new.sequence")], marked: [marked])
    }

    /// Returns the triggers for a removed notification.
    private static func goes(_ name: String, _ event: String) -> [String] {
        let row = "old"
        let readers = "IN (SELECT m.user FROM marks m WHERE \(marks(row)))"
        return triggers(
            name,
            event,
            row,
            subtract(.notifications, "\(row).tenant", "= \(row).user", "\(row).sequence"),
            marked: subtract(.marks, "\(row).tenant", readers, "\(row).sequence")
        )
    }

    /// Most notifications have no mark when added or removed: marks have a separate trigger, which then costs one lookup.
    private static func triggers(_ name: String, _ event: String, _ row: String, _ statements: [String], marked: [String]) -> [String] {
        [
            trigger(name, event, statements),
            trigger("\(name)_marked", "\(event) AND EXISTS (SELECT 1 FROM marks m WHERE \(marks(row)))", marked),
        ]
    }

    /// Returns the SQL condition that a mark `m` counts for the notification `row`.
    private static func marks(_ row: String) -> String {
        """
        m.sequence = \(row).sequence AND \(isOf("m", row)) AND m.epoch = (SELECT log_epoch FROM progress) AND m.tenant = \(row).tenant \
        AND (\(row).user = '\(Viewer.everyone)' OR m.user = \(row).user)
        """
    }

    private static func add(_ kind: Kind, _ tenant: String, _ user: String, _ sequence: String) -> String {
        let rows = shifts.map { "(\(tenant), \(user), \(kind.rawValue), \($0), \(sequence) >> \($0), 1)" }.joined(separator: ", ")
        return "INSERT INTO tallies VALUES \(rows) ON CONFLICT DO UPDATE SET n = n + 1"
    }

    /// Decrements the buckets, and deletes empty ones, so that dropped notifications take no space.
    private static func subtract(_ kind: Kind, _ tenant: String, _ isUser: String, _ sequence: String) -> [String] {
        shifts.flatMap { shift in
            let row =
                "tenant = \(tenant) AND user \(isUser) AND kind = \(kind.rawValue) AND shift = \(shift) AND bucket = (\(sequence) >> \(shift))"
            return ["UPDATE tallies SET n = n - 1 WHERE \(row)", "DELETE FROM tallies WHERE \(row) AND n <= 0"]
        }
    }
}
