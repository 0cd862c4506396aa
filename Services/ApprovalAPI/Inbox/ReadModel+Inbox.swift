import Basics
import EventLog
import EventModel
import GRDB

extension ReadModel {
    /// Goes on with the read marks that the model has, or, when their stream is another or was cut short, forgets them and begins anew.
    ///
    /// - Parameters:
    ///   - life: when the stream was created.
    ///   - last: its end.
    ///   - isRecognised: whether it still holds the mark that was read last.
    /// - Returns: where to go on.
    func followInbox(life: UInt64, last: UInt64, isRecognised: Bool = true) async throws -> Progress {
        var progress = try await progress()
        if progress.inboxLife != life || progress.inboxPosition > last || !isRecognised {
            inbox.reset()
            try await write(progress.generation) { database in
                try database.execute(sql: "DELETE FROM marks")
                try database.execute(sql: "DELETE FROM floors")
                try database.execute(
                    sql: "UPDATE progress SET inbox_life = ?, inbox_position = 0, inbox_stamp_sequence = 0, inbox_stamp_time = 0",
                    arguments: [Int64(bitPattern: life)]
                )
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
    /// - Parameter stamp: the last message that was read.
    func apply(_ marks: [ReadMark], position: UInt64, stamp: LogStamp? = nil, generation: Int) async throws {
        try await write(generation) { database in
            for mark in marks { try mark.write(to: database) }
            try database.cachedStatement(sql: "UPDATE progress SET inbox_position = ?, inbox_stamp_sequence = ?, inbox_stamp_time = ?")
                .execute(arguments: [Int64(clamping: position), stamp.column(\.sequence), stamp.column(\.storedAt)])
        }
        inbox.advance(to: position)
    }
}

extension ReadMark {
    /// The first mark counts: what was read once was read then.
    fileprivate func write(to database: Database) throws {
        switch extent {
        case .one(let sequence):
            try database.cachedStatement(sql: "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?, ?)")
                .execute(arguments: [tenant, user, Int64(epoch), Int64(clamping: sequence), readAt.millisecondsSinceEpoch])
        case .through(let sequence):
            try database.cachedStatement(
                sql: """
                    INSERT INTO floors SELECT ?1, ?2, ?3, ?4, ?5
                    WHERE NOT EXISTS (SELECT 1 FROM floors WHERE tenant = ?1 AND user = ?2 AND epoch = ?3 AND through >= ?4)
                    """
            )
            .execute(arguments: [tenant, user, Int64(epoch), Int64(clamping: sequence), readAt.millisecondsSinceEpoch])
        }
    }
}
