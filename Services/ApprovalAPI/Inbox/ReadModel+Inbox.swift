import Basics
import EventLog
import GRDB

extension ReadModel {
    /// Goes on with the read marks that the model has, or, when their stream is another or was cut short, forgets them and begins again.
    ///
    /// - Parameters:
    ///   - life: when the stream was created.
    ///   - last: its end.
    ///   - isRecognised: whether the stream still holds what the model read last, as far as that can be told.
    /// - Returns: where to go on.
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

    /// Takes in read marks, up to `position` of their stream.
    ///
    /// - Parameters:
    ///   - marks: each with its place in the stream.
    ///   - stamp: the last message that this is of; nil when there was none.
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

    /// How many bytes of the read marks' stream the marks of a tenant take, but for those of notifications that are gone.
    func markBytes(of tenant: Tenant) async throws -> Int {
        try await read(for: .tenant(tenant)) { database in
            let sql = "SELECT bytes FROM mark_shares WHERE tenant = ?"
            return try Int.fetchOne(database.cachedStatement(sql: sql), arguments: [tenant.text]) ?? 0
        }
    }
}

extension ReadMark {
    /// The message is in the stream: it counts in its tenant's share, even if it marks nothing new.
    fileprivate func count(in database: Database, at place: UInt64) throws {
        let sequence =
            switch extent {
            case .one(let sequence), .through(let sequence): sequence
            }
        try database.cachedStatement(sql: "INSERT INTO mark_messages VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .execute(arguments: [Int64(clamping: place), tenant.text, Int64(epoch), Int64(clamping: sequence), try storedBytes()])
    }

    /// The first mark of an event counts, for as long as the stream has any: what was read once was read then. A mark of another event at the
    /// same place takes the place of the former, whose event is gone.
    ///
    /// A mark of all up to a place supersedes the earlier ones that reach no further, neither by place nor by time. A lower one with a later time
    /// counts beside the higher one: the log may have been restored from an older copy between them. Since what is superseded came earlier, it
    /// leaves the stream earlier, too.
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
