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
    var tenant: String
    var user: String
    /// The life of the log that read marks must be of.
    var epoch: UInt16
    /// Only those before this place; nil for the newest.
    var before: UInt64?
    /// Only those that are read, or are not; nil for both.
    var isRead: Bool?
    /// Only those of a type.
    var typeName: String?
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

    /// One notification of a user; nil when there is none at that place that the user may see.
    func notification(tenant: String, user: String, epoch: UInt16, sequence: UInt64) async throws -> InboxItem? {
        let query = NotificationQuery(tenant: tenant, user: user, epoch: epoch, before: sequence + 1, limit: 1)
        return try await notifications(query).items.first { $0.record.place.sequence == sequence }
    }
}

extension NotificationQuery {
    /// Up to where the user has read everything.
    fileprivate func floor(_ database: Database) throws -> Int64 {
        let sql = "SELECT coalesce(max(through), 0) FROM floors WHERE tenant = ? AND user = ? AND epoch = ?"
        return try Int64.fetchOne(database.cachedStatement(sql: sql), arguments: [tenant, user, Int64(epoch)]) ?? 0
    }

    /// One more than wanted, which tells that there are more.
    ///
    /// What is for everyone and what is for the user are two runs of the index; each is read newest first, so that the length of the list, and what
    /// others have in theirs, costs nothing.
    fileprivate func items(_ database: Database, floor: Int64) throws -> [InboxItem] {
        func run(_ audience: String) -> String {
            """
            SELECT * FROM (
                SELECT * FROM notifications n WHERE tenant = :tenant AND user = \(audience) AND sequence < :before\(filters)
                ORDER BY sequence DESC LIMIT :limit)
            """
        }
        let sql = """
            SELECT n.*,
                (SELECT read_at FROM marks m WHERE \(Self.isOfReader("m")) AND m.sequence = n.sequence) AS mark_at,
                (SELECT read_at FROM floors f WHERE \(Self.isOfReader("f")) AND f.through >= n.sequence ORDER BY f.through LIMIT 1) AS floor_at
            FROM (\(run("''")) UNION ALL \(run(":user"))) n ORDER BY n.sequence DESC LIMIT :limit
            """
        var arguments: StatementArguments = [
            "tenant": tenant, "user": user, "epoch": Int64(epoch), "limit": limit + 1,
            "before": before.map { Int64(clamping: $0) } ?? Int64.max,
        ]
        if isRead != nil { arguments += ["floor": floor] }
        if let typeName { arguments += ["type": typeName] }
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map(InboxItem.init(row:))
    }

    private var filters: String {
        let hasMark = "EXISTS (SELECT 1 FROM marks m WHERE \(Self.isOfReader("m")) AND m.sequence = n.sequence)"
        let read =
            switch isRead {
            case true?: " AND (n.sequence <= :floor OR \(hasMark))"
            case false?: " AND n.sequence > :floor AND NOT \(hasMark)"
            case nil: ""
            }
        return read + (typeName == nil ? "" : " AND n.type = :type")
    }

    /// What is above the floor, less what is marked there.
    fileprivate func unreadCount(_ database: Database, floor: Int64) throws -> Int {
        let sql = """
            SELECT (SELECT count(*) FROM notifications WHERE tenant = :tenant AND user = '' AND sequence > :floor)
                + (SELECT count(*) FROM notifications WHERE tenant = :tenant AND user = :user AND sequence > :floor)
                - (SELECT count(*) FROM marks m CROSS JOIN notifications n
                    WHERE \(Self.isOfReader("m")) AND m.sequence > :floor
                    AND n.sequence = m.sequence AND n.tenant = :tenant AND n.user IN ('', :user))
            """
        let arguments: StatementArguments = ["tenant": tenant, "user": user, "epoch": Int64(epoch), "floor": floor]
        return try Int.fetchOne(database.cachedStatement(sql: sql), arguments: arguments) ?? 0
    }

    private static func isOfReader(_ alias: String) -> String {
        "\(alias).tenant = :tenant AND \(alias).user = :user AND \(alias).epoch = :epoch"
    }
}

extension InboxItem {
    fileprivate init(row: Row) {
        let user: String = row["user"]
        record = NotificationRecord(
            tenant: row["tenant"],
            user: user.isEmpty ? nil : user,
            typeName: row["type"],
            title: row["title"],
            body: row["body"],
            incidentID: row["incident"],
            remediationID: row["remediation"],
            approvalID: row["approval"],
            createdAt: Timestamp(millisecondsSinceEpoch: row["created_at"]),
            place: LogPlace(sequence: UInt64(clamping: row["sequence"] as Int64), intake: Timestamp(millisecondsSinceEpoch: row["intake"]))
        )
        let times = [row["mark_at"] as Int64?, row["floor_at"] as Int64?].compactMap { $0 }
        readAt = times.min().map { Timestamp(millisecondsSinceEpoch: $0) }
    }
}
