import Basics
import EventLog
import GRDB

extension ReadModel {
    /// Continues with the model's read marks; if their stream was recreated or truncated, clears them and starts over.
    ///
    /// - Parameters:
    ///   - life: the stream's creation time.
    ///   - last: the stream's last sequence.
    ///   - isRecognised: whether the stream still holds the last message that the model read, as far as known.
    /// - Returns: where to continue.
    func followInbox(life: UInt64, last: UInt64, isRecognised: Bool) async throws -> Progress {
        var progress = try await progress()
        if progress.inboxLife != life || progress.inboxPosition > last || !isRecognised {
            beginInbox()
            inbox.reset()
            try await write(progress.generation) { database in
                try Schema.clearInbox(in: database)
                let sql = "UPDATE progress SET inbox_life = ?, inbox_position = 0, inbox_stamp_sequence = 0, inbox_stamp_time = 0"
                try database.execute(sql: sql, arguments: [Int64(bitPattern: life)])
            }
            progress.inboxLife = life
            progress.inboxPosition = 0
            progress.inboxStamp = nil
        }
        inbox.advance(to: progress.inboxPosition)
        return progress
    }

    /// Applies read marks, up to `position` of their stream.
    ///
    /// - Parameters:
    ///   - marks: each with its sequence in the stream.
    ///   - stamp: the last message applied; nil when there was none.
    func apply(_ marks: [(place: UInt64, mark: ReadMark)], position: UInt64, stamp: LogStamp?, generation: Int) async throws {
        try await write(generation) { database in
            for (place, mark) in marks {
                try mark.write(to: database, at: place)
                try mark.count(in: database, at: place)
            }
            try database.cachedStatement(sql: "UPDATE progress SET inbox_position = ?").execute(arguments: [Int64(clamping: position)])
            guard let stamp else { return }
            try database.cachedStatement(sql: "UPDATE progress SET inbox_stamp_sequence = ?, inbox_stamp_time = ?").execute(
                arguments: stamp.stored
            )
        }
        inbox.advance(to: position)
    }

    /// Returns the bytes that a tenant's marks take in their stream, without marks of notifications that have left the log.
    func markBytes(of tenant: Tenant) async throws -> Int {
        try await read(for: .tenant(tenant)) { database in
            let sql = "SELECT bytes FROM mark_shares WHERE tenant = ?"
            return try Int.fetchOne(database.cachedStatement(sql: sql), arguments: [tenant.text]) ?? 0
        }
    }
}

extension ReadMark {
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
