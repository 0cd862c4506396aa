import EventLog
import EventModel
import GRDB
import Synchronization

/// What this process knows of the log, in SQLite, ready to be asked: approvals, notifications, and what has been read of them.
///
/// A cache and nothing else: it says nothing that the log and the read marks' stream do not say, and may be thrown away at any time. How far it
/// has read both is kept in the same transaction as what it has read, so a crash at any moment leaves it consistent.
///
/// All methods may be called from any task; SQLite runs on GRDB's own queue, never on the cooperative pool.
final class ReadModel: Sendable {
    /// How far the model has read.
    struct Progress: Sendable, Equatable {
        /// Which life of the log the positions count in.
        var logEpoch: UInt16
        var logPosition: UInt64
        /// The last message that was read of the log; nil for none.
        var logStamp: LogStamp?
        /// When the read marks' stream was created, which tells its lives apart; 0 for none.
        var inboxLife: UInt64
        var inboxPosition: UInt64
        /// The last read mark; nil for none.
        var inboxStamp: LogStamp?
        /// Which making of the file this is said of.
        var generation: Int
    }

    /// The model was made anew while somebody was about to add to the former one.
    struct Recreated: Error {}

    private struct Store {
        var queue: DatabaseQueue
        var generation = 0
    }

    private let path: String
    private let store: Mutex<Store>
    /// Opens when the model has read the log up to a sequence.
    let log = PositionGate()
    /// Opens when the model has read the read marks up to a sequence.
    let inbox = PositionGate()
    private let epoch = Mutex<UInt16?>(nil)

    /// Opens the file, or makes it.
    ///
    /// - Parameter path: the file; ``ReadModelFile/memory`` for none.
    /// - Throws: ``ReadModelError``.
    init(path: String) throws {
        self.path = path
        store = Mutex(Store(queue: try ReadModelFile.open(path)))
    }

    /// The life of the log that the model follows; nil before it follows one.
    var logEpoch: UInt16? { epoch.withLock { $0 } }

    /// How far the model has read.
    func progress() async throws -> Progress {
        let (queue, generation) = store.withLock { ($0.queue, $0.generation) }
        return try await queue.read { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM progress") else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT)
            }
            return Progress(
                logEpoch: UInt16(truncatingIfNeeded: row["log_epoch"] as Int64),
                logPosition: UInt64(clamping: row["log_position"] as Int64),
                logStamp: LogStamp(row, sequence: "log_stamp_sequence", time: "log_stamp_time"),
                inboxLife: UInt64(bitPattern: row["inbox_life"] as Int64),
                inboxPosition: UInt64(clamping: row["inbox_position"] as Int64),
                inboxStamp: LogStamp(row, sequence: "inbox_stamp_sequence", time: "inbox_stamp_time"),
                generation: generation
            )
        }
    }

    /// Goes on with the log that the model is of, or, when that is another or was cut short, forgets what came from it and begins anew.
    ///
    /// - Parameters:
    ///   - epoch: the life of the log that there is.
    ///   - last: its end.
    ///   - isRecognised: whether it still holds the message that was read last; false for a log that was restored from an older copy.
    /// - Returns: where to go on.
    func followLog(epoch: UInt16, last: UInt64, isRecognised: Bool = true) async throws -> Progress {
        var progress = try await progress()
        if progress.logEpoch != epoch || progress.logPosition > last || !isRecognised {
            log.reset()
            try await write(progress.generation) { database in
                for table in ["requests", "decisions", "effects", "notifications"] { try database.execute(sql: "DELETE FROM \(table)") }
                try database.execute(
                    sql: "UPDATE progress SET log_epoch = ?, log_position = 0, log_stamp_sequence = 0, log_stamp_time = 0",
                    arguments: [Int64(epoch)]
                )
            }
            progress.logEpoch = epoch
            progress.logPosition = 0
            progress.logStamp = nil
        }
        self.epoch.withLock { $0 = epoch }
        log.advance(to: progress.logPosition)
        return progress
    }

    /// Makes the file anew, empty: it was found to be damaged. Of several that find that, one does it.
    func recreate(_ generation: Int) throws {
        try store.withLock { store in
            guard store.generation == generation else { return }
            log.reset()
            inbox.reset()
            try? store.queue.close()
            store = Store(queue: try ReadModelFile.create(path), generation: generation + 1)
        }
    }

    /// Which making of the file this is.
    var generation: Int { store.withLock { $0.generation } }

    /// Takes in what the log said, up to `position`.
    ///
    /// - Parameter stamp: the last message that was read.
    func apply(_ changes: [LogChange], position: UInt64, stamp: LogStamp? = nil, generation: Int) async throws {
        try await write(generation) { database in
            for change in changes { try change.write(to: database) }
            try database.cachedStatement(sql: "UPDATE progress SET log_position = ?, log_stamp_sequence = ?, log_stamp_time = ?")
                .execute(arguments: [Int64(clamping: position), stamp.column(\.sequence), stamp.column(\.storedAt)])
        }
        log.advance(to: position)
    }

    /// Drops what the log does not keep any more, so that a model that is made anew says the same.
    ///
    /// - Parameters:
    ///   - first: the first sequence that is kept.
    ///   - deleted: what was deleted behind it.
    func prune(before first: UInt64, deleted: [ClosedRange<UInt64>] = [], generation: Int) async throws {
        let first = Int64(clamping: first)
        try await write(generation) { database in
            for table in ["requests", "decisions", "effects", "notifications"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE sequence < ?", arguments: [first])
                for range in deleted {
                    try database.cachedStatement(sql: "DELETE FROM \(table) WHERE sequence BETWEEN ? AND ?")
                        .execute(arguments: [Int64(clamping: range.lowerBound), Int64(clamping: range.upperBound)])
                }
            }
            let isOfAnother = "epoch <> (SELECT log_epoch FROM progress)"
            try database.execute(sql: "DELETE FROM marks WHERE sequence < ? OR \(isOfAnother)", arguments: [first])
            try database.execute(sql: "DELETE FROM floors WHERE through < ? OR \(isOfAnother)", arguments: [first])
        }
    }

    /// Asks. `body` runs on the database's queue.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await store.withLock { $0.queue }.read(body)
    }

    /// Changes, in one transaction. `body` runs on the database's queue.
    ///
    /// - Parameter generation: the making of the file that the change is for.
    /// - Throws: ``Recreated`` when that is no more.
    func write(_ generation: Int, _ body: @escaping @Sendable (Database) throws -> Void) async throws {
        let queue = try store.withLock { store in
            guard store.generation == generation else { throw Recreated() }
            return store.queue
        }
        try await queue.write(body)
    }
}

extension LogStamp {
    /// Reads a stamp; nil for none.
    fileprivate init?(_ row: Row, sequence: String, time: String) {
        let number: Int64 = row[sequence]
        guard number > 0 else { return nil }
        self.init(sequence: UInt64(clamping: number), storedAt: UInt64(bitPattern: row[time] as Int64))
    }
}

extension LogStamp? {
    /// A part of a stamp as it is stored; 0 for none.
    func column(_ part: KeyPath<LogStamp, UInt64>) -> Int64 { map { Int64(bitPattern: $0[keyPath: part]) } ?? 0 }
}
