import Basics
import EventLog
import GRDB
import Logging
import NATSClient

extension ReadModel {
    /// Returns the bytes that a tenant's marks take in their stream, without marks of notifications that have left the log.
    func markBytes(of tenant: Tenant) async throws -> Int {
        try await read(for: .tenant(tenant)) { database in
            let sql = "SELECT bytes FROM mark_shares WHERE tenant = ?"
            return try Int.fetchOne(database.cachedStatement(sql: sql), arguments: [tenant.text]) ?? 0
        }
    }
}

extension ReadMark {
    /// Turns messages of the marks' stream into a change of the read model.
    static func changes(_ messages: [JetStreamMessage], _ logger: Logger) -> @Sendable (Database) throws -> Void {
        let marks = messages.compactMap { message in
            let mark = ReadMark(subject: message.message.subject, body: message.message.payload)
            if mark == nil {
                logger.warning(
                    "skipped a message that is not a read mark",
                    metadata: [LogKey.inboxSequence: "\(message.metadata.streamSequence)"]
                )
            }
            return mark.map { (place: message.metadata.streamSequence, mark: $0) }
        }
        return { database in try write(marks, to: database) }
    }

    /// Writes marks, each with its sequence in the stream.
    static func write(_ marks: [(place: UInt64, mark: ReadMark)], to database: Database) throws {
        for (place, mark) in marks {
            try mark.write(to: database, at: place)
            try mark.count(in: database, at: place)
        }
    }

    /// Counts the message towards its tenant's share: it takes space even if it marks nothing new.
    fileprivate func count(in database: Database, at place: UInt64) throws {
        let sequence =
            switch extent {
            case .one(let sequence), .through(let sequence): sequence
            }
        try database.cachedStatement(sql: "INSERT INTO mark_messages VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .execute(arguments: [Int64(clamping: place), tenant.text, Int64(epoch), Int64(clamping: sequence), try storedBytes()])
    }

    /// Writes the mark.
    ///
    /// The first mark of an event sets its read time; it stays for as long as the stream has any mark of the event. A mark of another event at the
    /// same sequence replaces the former mark, whose event is gone.
    ///
    /// A mark of all up to a place supersedes earlier ones with neither a higher sequence nor a later intake time. One with a lower sequence and a
    /// later intake time stays in force beside it: the log may have been restored from an older copy between them. A superseded mark leaves the
    /// stream before the mark that superseded it.
    fileprivate func write(to database: Database, at place: UInt64) throws {
        switch extent {
        case .one(let sequence):
            let intake = intake?.millisecondsSinceEpoch ?? Self.anyIntake
            let mark: [(any DatabaseValueConvertible)?] = [tenant.text, user.text, Int64(epoch), Int64(clamping: sequence), intake]
            try database.cachedStatement(
                sql: "DELETE FROM marks WHERE tenant = ? AND user = ? AND epoch = ? AND sequence = ? AND intake <> ?"
            )
            .execute(arguments: StatementArguments(mark))
            try database.cachedStatement(
                sql: "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET place = max(place, excluded.place)"
            )
            .execute(arguments: StatementArguments(mark + [readAt.millisecondsSinceEpoch, Int64(clamping: place)]))
        case .through(let sequence):
            let intake = intake?.millisecondsSinceEpoch ?? Self.latestIntake
            let mark: [(any DatabaseValueConvertible)?] = [tenant.text, user.text, Int64(epoch), Int64(clamping: sequence), intake]
            try database.cachedStatement(
                sql: """
                    INSERT INTO floors VALUES (?, ?, ?, ?, ?, ?, ?, 0)
                    ON CONFLICT DO UPDATE SET place = max(place, excluded.place), superseded = 0
                    """
            )
            .execute(arguments: StatementArguments(mark + [readAt.millisecondsSinceEpoch, Int64(clamping: place)]))
            try database.cachedStatement(
                sql: """
                    UPDATE floors INDEXED BY floors_standing SET superseded = 1 WHERE tenant = ?1 AND user = ?2 AND epoch = ?3 AND superseded = 0
                    AND through <= ?4 AND intake <= ?5 AND (through < ?4 OR intake < ?5)
                    """
            )
            .execute(arguments: StatementArguments(mark))
        }
    }
}
