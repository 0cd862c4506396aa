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
            for (place, mark) in marks { try mark.write(to: database, at: place) }
            try database.cachedStatement(sql: "UPDATE progress SET inbox_position = ?").execute(arguments: [Int64(clamping: position)])
            guard let stamp else { return }
            try database.cachedStatement(sql: "UPDATE progress SET inbox_stamp_sequence = ?, inbox_stamp_time = ?").execute(
                arguments: stamp.stored
            )
        }
        inbox.advance(to: position)
    }
}

extension ReadMark {
    /// The first mark of an event counts, for as long as the stream has any: what was read once was read then. A mark of another event at the
    /// same place takes the place of the former, whose event is gone.
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
            try database.cachedStatement(
                sql: """
                    INSERT INTO floors SELECT ?1, ?2, ?3, ?4, ?5, ?6
                    WHERE NOT EXISTS (SELECT 1 FROM floors WHERE tenant = ?1 AND user = ?2 AND epoch = ?3 AND through > ?4)
                    ON CONFLICT DO UPDATE SET place = max(place, excluded.place)
                    """
            )
            .execute(arguments: [
                tenant.text, user.text, Int64(epoch), Int64(clamping: sequence), readAt.millisecondsSinceEpoch, Int64(clamping: place),
            ])
        }
    }
}
