import EventLog
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
        /// The last message of the log that was read.
        var logStamp: LogStamp?
        /// When the read marks' stream was created, which tells its lives apart; 0 for none.
        var inboxLife: UInt64
        var inboxPosition: UInt64
        /// The last message of that stream that was read.
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

    /// Which of a stream's rows are there.
    private struct Kept {
        /// Counts how often the reading began again; what was found out about the stream before counts for nothing then.
        var life = 0
        /// Everything before this sequence was dropped.
        var first: UInt64 = 0
        /// So was all of this.
        var deleted = DeletedSequences.none

        /// The reading begins again; what is deleted already will not come.
        func begun(_ deleted: DeletedSequences = .none) -> Kept { Kept(life: life + 1, deleted: deleted) }
    }

    private struct Streams {
        var log = Kept()
        var inbox = Kept()
    }

    private let path: String
    private let store: Mutex<Store>
    /// Never held while the database is waited for, because it is also taken on the database's queue.
    private let streams = Mutex(Streams())
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
                logStamp: LogStamp(stored: row["log_stamp_sequence"], at: row["log_stamp_time"]),
                inboxLife: UInt64(bitPattern: row["inbox_life"] as Int64),
                inboxPosition: UInt64(clamping: row["inbox_position"] as Int64),
                inboxStamp: LogStamp(stored: row["inbox_stamp_sequence"], at: row["inbox_stamp_time"]),
                generation: generation
            )
        }
    }

    /// Goes on with the log that the model is of, or, when that is another, was cut short or lost something in between, forgets what came from
    /// it and begins again.
    ///
    /// - Parameters:
    ///   - kept: what the log keeps.
    ///   - isRecognised: whether the log still holds what the model read last, as far as that can be told.
    /// - Returns: where to go on.
    func followLog(_ kept: LogRetention, isRecognised: Bool) async throws -> Progress {
        let epoch = kept.epoch
        var progress = try await progress()
        // Of so many holes that they are not listed, nobody knows which ones the model still has.
        let isCurrent = isRecognised && (kept.deleted.isListed || progress.logPosition == 0)
        if progress.logEpoch != epoch || progress.logPosition > kept.lastSequence || !isCurrent {
            streams.withLock { $0.log = $0.log.begun(kept.deleted) }
            log.reset()
            try await write(progress.generation) { database in
                for table in Self.logTables { try database.execute(sql: "DELETE FROM \(table)") }
                let sql = "UPDATE progress SET log_epoch = ?, log_position = 0, log_stamp_sequence = 0, log_stamp_time = 0"
                try database.execute(sql: sql, arguments: [Int64(epoch)])
            }
            progress.logEpoch = epoch
            progress.logPosition = 0
            progress.logStamp = nil
        }
        self.epoch.withLock { $0 = epoch }
        log.advance(to: progress.logPosition)
        return progress
    }

    /// Recreates the file, empty: it was found to be damaged. Of several that find that, one does it.
    func recreate(_ generation: Int) throws {
        try store.withLock { store in
            guard store.generation == generation else { return }
            log.reset()
            inbox.reset()
            try? store.queue.close()
            store.queue = try ReadModelFile.create(path)
            store.generation = generation + 1
            streams.withLock { $0 = Streams(log: $0.log.begun(), inbox: $0.inbox.begun()) }
        }
    }

    /// Which making of the file this is.
    var generation: Int { store.withLock { $0.generation } }

    /// Takes in what the log said, up to `position`.
    ///
    /// - Parameter stamp: the last message that this is of; nil when it is not known.
    func apply(_ changes: [LogChange], position: UInt64, stamp: LogStamp? = nil, generation: Int) async throws {
        try await write(generation) { database in
            for change in changes { try change.write(to: database) }
            try database.cachedStatement(sql: "UPDATE progress SET log_position = ?").execute(arguments: [Int64(clamping: position)])
            guard let stamp else { return }
            try database.cachedStatement(sql: "UPDATE progress SET log_stamp_sequence = ?, log_stamp_time = ?").execute(
                arguments: stamp.stored
            )
        }
        log.advance(to: position)
    }

    private static let logTables = ["requests", "decisions", "effects", "notifications"]
    private static let inboxTables = ["marks", "floors"]

    // MARK: What the streams do not keep any more

    /// Counts how often the reading of the log began again. Asked before the log is asked what it keeps.
    var logLife: Int { streams.withLock { $0.log.life } }
    /// The same of the read marks' stream.
    var inboxLife: Int { streams.withLock { $0.inbox.life } }

    /// Drops what the log does not keep any more, so that a model that was just built says the same.
    ///
    /// - Parameters:
    ///   - kept: what the log keeps, after the model has read it to that end.
    ///   - life: what ``logLife`` was before the log was asked for that.
    /// - Returns: false when the log has more holes than it lists, so that the model must be rebuilt.
    func drop(keeping kept: LogRetention, life: Int) async throws -> Bool {
        let known = streams.withLock { $0.log }
        guard known.life == life else { return true }
        guard kept.deleted.isListed || kept.deleted.count <= known.deleted.count else { return false }
        let deleted = kept.deleted.ranges(notIn: known.deleted)
        guard known.first < kept.firstSequence || !deleted.isEmpty else { return true }
        let gone = (kept.firstSequence > 0 ? [0...kept.firstSequence - 1] : []) + deleted
        try await drop(life: life, of: \.log) { database in
            for range in gone {
                let bounds: StatementArguments = [Int64(clamping: range.lowerBound), Int64(clamping: range.upperBound)]
                let affected = try ApprovalStanding.affected(by: bounds, in: database)
                for table in Self.logTables {
                    try database.cachedStatement(sql: "DELETE FROM \(table) WHERE sequence BETWEEN ? AND ?").execute(arguments: bounds)
                }
                for (tenant, approval) in affected { try ApprovalStanding.settle(tenant, approval, in: database) }
            }
        } done: { done in
            done.first = max(done.first, kept.firstSequence)
            done.deleted = kept.deleted
        }
        return true
    }

    /// Drops the read marks that their stream does not keep any more.
    ///
    /// - Parameters:
    ///   - first: the first place that is kept.
    ///   - life: what ``inboxLife`` was before the stream was asked for that.
    func drop(inboxBefore first: UInt64, life: Int) async throws {
        guard streams.withLock({ $0.inbox.first < first }) else { return }
        try await drop(life: life, of: \.inbox) { database in
            for table in Self.inboxTables {
                try database.cachedStatement(sql: "DELETE FROM \(table) WHERE place < ?").execute(arguments: [Int64(clamping: first)])
            }
        } done: {
            $0.first = max($0.first, first)
        }
    }

    /// Drops the read marks of notifications that are gone. They count for nothing; they only take room.
    func tidyMarks(generation: Int) async throws {
        let first = Int64(clamping: streams.withLock { $0.log.first })
        try await write(generation) { database in
            let isOfAnother = "epoch <> (SELECT log_epoch FROM progress)"
            try database.execute(sql: "DELETE FROM marks WHERE sequence < ? OR \(isOfAnother)", arguments: [first])
            try database.execute(sql: "DELETE FROM floors WHERE through < ? OR \(isOfAnother)", arguments: [first])
        }
    }

    /// Drops rows, unless the reading of their stream has begun again since.
    private func drop(
        life: Int,
        of stream: any WritableKeyPath<Streams, Kept> & Sendable,
        _ body: @escaping @Sendable (Database) throws -> Void,
        done: (inout Kept) -> Void
    ) async throws {
        try await store.withLock { $0.queue }.write { database in
            // On this queue the reading has begun again by now, or will after this.
            guard self.streams.withLock({ $0[keyPath: stream].life == life }) else { return }
            try body(database)
        }
        streams.withLock { if $0[keyPath: stream].life == life { done(&$0[keyPath: stream]) } }
    }

    // MARK: The database

    /// The reading of the read marks begins again.
    func beginInbox() { streams.withLock { $0.inbox = $0.inbox.begun() } }

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
