import Basics
import EventModel
import GRDB

/// A notification as one user has it.
struct InboxItem: Sendable, Equatable {
    var record: NotificationRecord
    /// When the user read it; nil for unread.
    var readAt: Timestamp?
}

/// Which notifications a user wants to see: newest first, from a place on.
///
/// Pages are cut at places in the log, which nothing that is added or read later moves.
struct NotificationQuery: Sendable, Equatable {
    var viewer: Viewer
    /// The life of the log that read marks must be of.
    var epoch: UInt16
    /// Only those before this place; nil for the newest.
    var before: UInt64?
    /// Only those that are read, or are not; nil for both.
    var isRead: Bool?
    /// Only those of a type.
    var type: EventType?
    var limit: Int
}

/// A page of the list.
struct NotificationPage: Sendable, Equatable {
    var items: [InboxItem]
    /// Whether there are older ones.
    var hasMore: Bool
    /// How many are unread in all, whatever was asked for.
    var unreadCount: Int
}

extension ReadModel {
    /// A page of a user's list.
    func notifications(_ query: NotificationQuery) async throws -> NotificationPage {
        try await read { database in
            let floor = try query.floor(database)
            var items = try query.items(database, floor: floor)
            let hasMore = items.count > query.limit
            if hasMore { items.removeLast(items.count - query.limit) }
            return NotificationPage(items: items, hasMore: hasMore, unreadCount: try query.unreadCount(database, floor: floor))
        }
    }

    /// The notification at a place; nil when there is none that the viewer may see.
    func notification(at sequence: UInt64, epoch: UInt16, for viewer: Viewer) async throws -> InboxItem? {
        guard let sequence = Int64(exactly: sequence) else { return nil }
        return try await read { database in
            let source = "(SELECT * FROM notifications n WHERE n.sequence = :sequence AND n.hidden = 0 AND \(Viewer.sees("n")))"
            return try Row.fetchOne(
                database.cachedStatement(sql: NotificationQuery.withMarks(source)),
                arguments: viewer.arguments + ["epoch": Int64(epoch), "sequence": sequence]
            ).map(InboxItem.init(row:))
        }
    }
}

extension NotificationQuery {
    /// Up to where the user has read everything.
    fileprivate func floor(_ database: Database) throws -> Int64 {
        let sql = "SELECT coalesce(max(through), 0) FROM floors f WHERE \(Self.isOfReader("f"))"
        return try Int64.fetchOne(database.cachedStatement(sql: sql), arguments: reader) ?? 0
    }

    /// One more than wanted, which tells that there are more.
    fileprivate func items(_ database: Database, floor: Int64) throws -> [InboxItem] {
        let source = Viewer.newest(of: "notifications", where: "n.hidden = 0\(filters)")
        // The limit is at most a few hundred, so one more is no overflow.
        var arguments = reader + ["limit": limit + 1, "before": before.map { Int64(clamping: $0) } ?? Int64.max]
        if isRead != nil { arguments += ["floor": floor] }
        if let type { arguments += ["type": type.name] }
        return try Row.fetchAll(
            database.cachedStatement(sql: Self.withMarks(source) + " ORDER BY n.sequence DESC LIMIT :limit"),
            arguments: arguments
        ).map(InboxItem.init(row:))
    }

    /// Notifications with when the user read them.
    fileprivate static func withMarks(_ source: String) -> String {
        """
        SELECT n.*,
            (SELECT read_at FROM marks m WHERE \(isOfReader("m")) AND m.sequence = n.sequence) AS mark_at,
            (SELECT read_at FROM floors f WHERE \(isOfReader("f")) AND f.through >= n.sequence ORDER BY f.through LIMIT 1) AS floor_at
        FROM \(source) n
        """
    }

    private var filters: String {
        let hasMark = "EXISTS (SELECT 1 FROM marks m WHERE \(Self.isOfReader("m")) AND m.sequence = n.sequence)"
        let read =
            switch isRead {
            case true?: " AND (n.sequence <= :floor OR \(hasMark))"
            case false?: " AND n.sequence > :floor AND NOT \(hasMark)"
            case nil: ""
            }
        return read + (type == nil ? "" : " AND n.type = :type")
    }

    /// What is above the floor, less what is marked there.
    fileprivate func unreadCount(_ database: Database, floor: Int64) throws -> Int {
        let sql = """
            SELECT (SELECT count(*) FROM notifications n WHERE \(Viewer.sees("n")) AND n.hidden = 0 AND n.sequence > :floor)
                - (SELECT count(*) FROM marks m CROSS JOIN notifications n
                    WHERE \(Self.isOfReader("m")) AND m.sequence > :floor
                    AND n.sequence = m.sequence AND n.hidden = 0 AND \(Viewer.sees("n")))
            """
        return try Int.fetchOne(database.cachedStatement(sql: sql), arguments: reader + ["floor": floor]) ?? 0
    }

    private var reader: StatementArguments { viewer.arguments + ["epoch": Int64(epoch)] }

    private static func isOfReader(_ alias: String) -> String {
        "\(alias).tenant = :tenant AND \(alias).user = :user AND \(alias).epoch = :epoch"
    }
}

extension InboxItem {
    fileprivate init(row: Row) throws {
        record = NotificationRecord(
            tenant: try Tenant(stored: row["tenant"]),
            user: Viewer.user(ofAudience: row["user"]),
            type: try EventType(stored: row["type"]),
            title: row["title"],
            body: row["body"],
            incidentID: try (row["incident"] as String?).map { try IncidentID(stored: $0) },
            remediationID: try (row["remediation"] as String?).map { try RemediationID(stored: $0) },
            approvalID: try (row["approval"] as String?).map { try ApprovalID(stored: $0) },
            createdAt: Timestamp(millisecondsSinceEpoch: row["created_at"]),
            place: LogPlace(row["sequence"], intake: row["intake"])
        )
        let times = [row["mark_at"] as Int64?, row["floor_at"] as Int64?].compactMap { $0 }
        readAt = times.min().map { Timestamp(millisecondsSinceEpoch: $0) }
    }
}
