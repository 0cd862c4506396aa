import Basics
import EventModel
import GRDB

/// A notification with a user's read state.
struct InboxItem: Sendable, Equatable {
    var record: NotificationRecord
    /// When the user read it; nil if unread.
    var readAt: Timestamp?
}

/// A query for a page of a user's notifications, newest first.
///
/// Pages are delimited by log sequences, which later additions and marks do not shift.
struct NotificationQuery: Sendable, Equatable {
    /// Maximum number of notifications examined per page. Where few match, the page ends there, with fewer than its limit.
    static let maximumLook = 10_000

    var viewer: Viewer
    /// The epoch that read marks must have.
    var epoch: UInt16
    /// Only those before this sequence; nil for the newest.
    var before: UInt64?
    /// Filters by read state; nil for both.
    var isRead: Bool?
    /// Only those of a type.
    var type: EventType?
    var limit: Int
    /// As ``maximumLook``.
    var look = Self.maximumLook
}

/// A page of the list.
struct NotificationPage: Sendable, Equatable {
    var items: [InboxItem]
    /// The start of the next page: before this place. Nil on the last page.
    var next: LogPlace?
    /// Number of all unread notifications, independent of the query.
    var unreadCount: Int

    /// Whether there are older notifications.
    var hasMore: Bool { next != nil }
}

extension ReadModel {
    /// Returns a page of a user's notifications.
    func notifications(_ query: NotificationQuery, for holder: ReaderShares.Holder? = nil) async throws -> NotificationPage {
        try await read(for: holder ?? .tenant(query.viewer.tenant)) { database in
            let floor = try query.floor(database)
            let (items, next) = try query.items(database, floor: floor)
            return NotificationPage(items: items, next: next, unreadCount: try query.unreadCount(database, floor: floor.sequence))
        }
    }

    /// Returns the number of a user's unread notifications.
    func unreadCount(for viewer: Viewer, epoch: UInt16) async throws -> Int {
        let query = NotificationQuery(viewer: viewer, epoch: epoch, limit: 0)
        return try await read(for: .tenant(viewer.tenant)) { try query.unreadCount($0, floor: query.floor($0).sequence) }
    }

    /// Returns the new floor of a user who has seen everything up to an event: the newest visible notification up to there. Nil when the floor is
    /// already there, so that repeated requests store no further marks.
    ///
    /// - Parameter seen: the event, of any type. If the log was restored from an older copy, the event may be one that the restored log does not
    ///   hold; then events with a later intake time count as unseen.
    func rise(through seen: LogPlace, epoch: UInt16, for viewer: Viewer) async throws -> LogPlace? {
        let query = NotificationQuery(viewer: viewer, epoch: epoch, limit: 0)
        return try await read(for: .tenant(viewer.tenant)) { try query.newest(through: seen, above: query.floor($0).sequence, $0) }
    }

    /// Returns the notification at a sequence; nil when absent or not visible to the viewer.
    func notification(at sequence: UInt64, epoch: UInt16, for viewer: Viewer) async throws -> InboxItem? {
        guard let sequence = Int64(exactly: sequence) else { return nil }
        return try await read(for: .tenant(viewer.tenant)) { database in
            let sql = NotificationQuery.select(
                from: "notifications n",
                where: "n.sequence = :sequence AND n.hidden = 0 AND \(Viewer.sees("n"))"
            )
            let query = NotificationQuery(viewer: viewer, epoch: epoch, limit: 1)
            let floor = try query.floor(database)
            return try Row.fetchOne(
                database.cachedStatement(sql: sql),
                arguments: query.reader + floor.arguments + ["sequence": sequence]
            ).map(InboxItem.init(row:))
        }
    }
}

extension NotificationQuery {
    /// The watermark of a user: the sequence up to which everything is read.
    fileprivate struct Floor {
        /// The last read sequence, inclusive; 0 for nothing.
        var sequence: Int64 = 0
        /// The time of the mark that set the floor, in milliseconds since 1970.
        var readAt: Int64 = 0

        /// The values of `:floor` and `:floorAt`.
        var arguments: StatementArguments { ["floor": sequence, "floorAt": readAt] }
    }

    /// Maximum disorder of intake times, in milliseconds: how much later an event's intake time may be than that of an event with a higher
    /// sequence. Intake times come from the clocks of several producers, and a retried append keeps its first intake time.
    private static let maximumSkew: Int64 = 60_000
    /// Number of notifications compared to find the last one taken in by a time: intake times may decrease with the sequence.
    private static let comparedIntakes = 64
    /// Number of marks of all up to a place that are compared to find the first one that covers a notification.
    private static let comparedMarks = 8

    /// Returns the user's floor.
    ///
    /// A mark covers everything up to its sequence if the log holds the notification that it names. If the log was restored from an older copy
    /// since, a mark covers only the reader's notifications with an intake time up to the mark's. Only marks that are not superseded are compared:
    /// one, unless the log was restored.
    fileprivate func floor(_ database: Database) throws -> Floor {
        let sql = """
            SELECT f.read_at, CASE f.intake WHEN \(ReadMark.latestIntake) THEN f.through \
            ELSE min(f.through, \(Self.last(takenInBy: "f.intake"))) END AS upto \
            FROM floors f INDEXED BY floors_standing WHERE \(Self.isOfReader("f")) AND f.superseded = 0 ORDER BY upto DESC LIMIT 1
            """
        guard let row = try Row.fetchOne(database.cachedStatement(sql: sql), arguments: reader) else { return Floor() }
        return Floor(sequence: try row.stored("upto"), readAt: try row.stored("read_at"))
    }

    /// Returns SQL for the sequence of the reader's last notification taken in by a time, including hidden ones; 0 for none.
    ///
    /// Two index scans of at most ``comparedIntakes`` rows, so that the cost is independent of the list's length.
    private static func last(takenInBy time: String) -> String {
        let runs = Viewer.audiences.map { audience in
            """
            SELECT * FROM (SELECT i.sequence FROM notifications i WHERE i.tenant = :tenant AND i.user = \(audience) AND i.intake <= \(time) \
            ORDER BY i.intake DESC, i.sequence DESC LIMIT \(comparedIntakes))
            """
        }
        return "(SELECT coalesce(max(sequence), 0) FROM (\(runs.joined(separator: " UNION ALL "))))"
    }

    /// Returns the newest notification above the floor and up to an event, inclusive; nil when the range is empty.
    fileprivate func newest(through seen: LogPlace, above floor: Int64, _ database: Database) throws -> LogPlace? {
        let time = seen.intake.millisecondsSinceEpoch + Self.maximumSkew
        let last = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT \(Self.last(takenInBy: ":time"))"),
            arguments: viewer.arguments + ["time": time]
        )
        let runs = Viewer.audiences.map { audience in
            """
            SELECT * FROM (SELECT n.sequence, n.intake FROM notifications n WHERE n.tenant = :tenant AND n.user = \(audience) AND n.hidden = 0 \
            AND n.sequence > :floor AND n.sequence <= :through ORDER BY n.sequence DESC LIMIT 1)
            """
        }
        let sql = "\(runs.joined(separator: " UNION ALL ")) ORDER BY sequence DESC LIMIT 1"
        let through = min(Int64(clamping: seen.sequence), last ?? 0)
        return try Row.fetchOne(
            database.cachedStatement(sql: sql),
            arguments: viewer.arguments + ["floor": floor, "through": through]
        ).map { row in LogPlace(try row.stored("sequence"), intake: try row.stored("intake")) }
    }

    /// Returns the items of a page, and where the next one begins.
    ///
    /// Merges several index scans, newest first, and reads no more rows than the page needs.
    fileprivate func items(_ database: Database, floor: Floor) throws -> ([InboxItem], next: LogPlace?) {
        var arguments = reader + floor.arguments + ["before": before.map { Int64(clamping: $0) } ?? Int64.max]
        if let type { arguments += ["type": type.name] }
        let rows = try Row.fetchCursor(database.cachedStatement(sql: source), arguments: arguments)
        var items: [InboxItem] = []
        var looked = 0
        var last: LogPlace?
        while let row = try rows.next() {
            // An older row exists: the next page continues behind the last row examined.
            if looked == look { return (items, last) }
            looked += 1
            if try isWanted(row) {
                if items.count == limit { return (items, items.last?.record.place ?? last) }
                items.append(try InboxItem(row: row))
            }
            last = LogPlace(try row.stored("sequence"), intake: try row.stored("intake"))
        }
        return (items, nil)
    }

    private func isWanted(_ row: Row) throws -> Bool {
        if let type, try row.stored("type") != type.name { return false }
        guard let isRead else { return true }
        return try (InboxItem.readAt(row) != nil) == isRead
    }

    /// SQL for the rows of a page: notifications for everyone and for the user, on one side of the floor when the query filters by read state. Read
    /// notifications above the floor are looked up from the marks, so that the scan does not pass over unread ones.
    private var source: String {
        let ofType = type == nil ? "" : " AND n.type = :type"
        let side =
            switch isRead {
            case true?: " AND n.sequence <= :floor"
            case false?: " AND n.sequence > :floor"
            case nil: ""
            }
        var runs = Viewer.audiences.map { audience in
            Self.select(
                from: "notifications n",
                where: "n.tenant = :tenant AND n.user = \(audience) AND n.hidden = 0 AND n.sequence < :before\(ofType)\(side)"
            )
        }
        if isRead == true {
            runs.append(
                Self.select(
                    "m",
                    from: "marks m CROSS JOIN notifications n",
                    where: """
                        \(Self.isOfReader("m")) AND m.sequence > :floor AND m.sequence < :before \
                        AND n.sequence = m.sequence AND \(Tally.isOf("m", "n")) AND n.hidden = 0 AND \(Viewer.sees("n"))
                        """
                )
            )
        }
        return runs.joined(separator: " UNION ALL ") + " ORDER BY sequence DESC"
    }

    /// Returns SQL for notifications `n` with the time at which the user read them; takes ``Floor/arguments``.
    ///
    /// A notification at or below the floor was read with the first mark that covers it. If the nearest marks were made before the log was restored
    /// from an older copy, it was read with the mark that set the floor.
    ///
    /// - Parameter place: the table whose sequences order the rows.
    fileprivate static func select(_ place: String = "n", from source: String, where condition: String) -> String {
        """
        SELECT \(place).sequence AS sequence, n.intake, n.tenant, n.type, n.title, n.body, n.incident, n.remediation, n.approval, n.created_at,
            (SELECT read_at FROM marks m WHERE \(isOfReader("m")) AND m.sequence = n.sequence AND \(Tally.isOf("m", "n"))) AS mark_at,
            CASE WHEN n.sequence <= :floor THEN coalesce((SELECT min(read_at) FROM (
                SELECT f.read_at, f.intake FROM floors f WHERE \(isOfReader("f")) AND f.through >= n.sequence
                ORDER BY f.through LIMIT \(comparedMarks)) WHERE intake >= n.intake - \(maximumSkew)), :floorAt) END AS floor_at
        FROM \(source) WHERE \(condition)
        """
    }

    /// Counts the notifications above the floor minus the marked ones there. Sums ``Tally``'s buckets, and counts rows only in the bucket that
    /// contains the floor.
    fileprivate func unreadCount(_ database: Database, floor: Int64) throws -> Int {
        func near(_ audience: String) -> String {
            """
            (SELECT count(*) FROM notifications n WHERE n.tenant = :tenant AND n.user = \(audience) AND n.hidden = 0 \
            AND \(Tally.isNear("n.sequence")))
            """
        }
        let sql = """
            SELECT \(Viewer.audiences.map { "\(Tally.above(.notifications, user: $0)) + \(near($0))" }.joined(separator: " + "))
                - (\(Tally.above(.marks, user: ":user")))
                - (SELECT count(*) FROM marks m CROSS JOIN notifications n WHERE \(Self.isOfReader("m")) AND \(Tally.isNear("m.sequence"))
                    AND n.sequence = m.sequence AND \(Tally.isOf("m", "n")) AND n.hidden = 0 AND \(Viewer.sees("n")))
            """
        return try Int.fetchOne(database.cachedStatement(sql: sql), arguments: reader + ["floor": floor]) ?? 0
    }

    fileprivate var reader: StatementArguments { viewer.arguments + ["epoch": Int64(epoch)] }

    private static func isOfReader(_ alias: String) -> String {
        "\(alias).tenant = :tenant AND \(alias).user = :user AND \(alias).epoch = :epoch"
    }
}

extension InboxItem {
    fileprivate init(row: Row) throws {
        record = NotificationRecord(
            tenant: try Tenant(stored: row.stored("tenant")),
            type: try EventType(stored: row.stored("type")),
            title: try row.stored("title"),
            body: try row.stored("body"),
            incidentID: try (row.stored("incident") as String?).map { try IncidentID(stored: $0) },
            remediationID: try (row.stored("remediation") as String?).map { try RemediationID(stored: $0) },
            approvalID: try (row.stored("approval") as String?).map { try ApprovalID(stored: $0) },
            createdAt: try row.time("created_at"),
            place: LogPlace(try row.stored("sequence"), intake: try row.stored("intake"))
        )
        readAt = try Self.readAt(row)
    }

    /// The time at which the notification was first read, individually or with all up to a place.
    fileprivate static func readAt(_ row: Row) throws -> Timestamp? {
        let times = [try row.stored("mark_at") as Int64?, try row.stored("floor_at") as Int64?].compactMap { $0 }
        return times.min().map { Timestamp(millisecondsSinceEpoch: $0) }
    }
}
