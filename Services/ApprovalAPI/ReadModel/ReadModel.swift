import EventLog
import GRDB
import Logging
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

    private let store: ReadModelStore
    private let shares: ReaderShares
    /// How long a request waits while the model is rebuilt.
    private let patience: Duration
    /// Never held while the database is waited for, because it is also taken on the database's queue.
    private let streams = Mutex(StreamStates())
    /// Opens when the model has read the log up to a sequence.
    let log = PositionGate()
    /// Opens when the model has read the read marks up to a sequence.
    let inbox = PositionGate()
    private let epoch = Mutex<UInt16?>(nil)

    /// Opens the file, or makes it.
    ///
    /// - Parameters:
    ///   - path: the file; ``ReadModelFile/memory`` for none.
    ///   - readers: how many connections read at a time.
    ///   - patience: how long a request waits while the model is rebuilt.
    /// - Throws: ``ReadModelError``.
    init(
        path: String,
        readers: Int = 4,
        patience: Duration = .seconds(5),
        logger: Logger = Logger(label: "read-model") { _ in SwiftLogNoOpLogHandler() }
    ) throws {
        store = try ReadModelStore(path: path, readers: readers, logger: logger)
        shares = ReaderShares(readers: readers)
        self.patience = patience
    }

    /// The life of the log that the model follows; nil before it follows one.
    var logEpoch: UInt16? { epoch.withLock { $0 } }

    /// How far the model has read.
    func progress() async throws -> Progress {
        try await store.read { database, generation in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM progress") else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT)
            }
            return Progress(
                logEpoch: UInt16(truncatingIfNeeded: try row.stored("log_epoch") as Int64),
                logPosition: UInt64(clamping: try row.stored("log_position") as Int64),
                logStamp: LogStamp(stored: try row.stored("log_stamp_sequence"), at: try row.stored("log_stamp_time")),
                inboxLife: UInt64(bitPattern: try row.stored("inbox_life") as Int64),
                inboxPosition: UInt64(clamping: try row.stored("inbox_position") as Int64),
                inboxStamp: LogStamp(stored: try row.stored("inbox_stamp_sequence"), at: try row.stored("inbox_stamp_time")),
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
                try Schema.clearLog(in: database)
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

    /// Takes in what the log said, up to `position`.
    ///
    /// - Parameter stamp: the last message that this is of; nil when it is not known.
    /// - Returns: the requests among it that do not count, because of another request under the same id (``ApprovalStanding``).
    @discardableResult
    func apply(_ changes: [LogChange], position: UInt64, stamp: LogStamp? = nil, generation: Int) async throws -> [Approval.Request] {
        let passedOver = try await write(generation) { database in
            for change in changes { try change.write(to: database) }
            var passedOver: [Approval.Request] = []
            for case .requested(let request) in changes where try !ApprovalStanding.stands(request, in: database) {
                passedOver.append(request)
            }
            try database.cachedStatement(sql: "UPDATE progress SET log_position = ?").execute(arguments: [Int64(clamping: position)])
            guard let stamp else { return passedOver }
            try database.cachedStatement(sql: "UPDATE progress SET log_stamp_sequence = ?, log_stamp_time = ?").execute(
                arguments: stamp.stored
            )
            return passedOver
        }
        log.advance(to: position)
        return passedOver
    }

    private static let logTables = ["requests", "decisions", "effects", "notifications"]
    private static let inboxTables = ["marks", "floors", "mark_messages"]

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
            for table in ["marks", "mark_messages"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE sequence < ? OR \(isOfAnother)", arguments: [first])
            }
            try database.execute(sql: "DELETE FROM floors WHERE through < ? OR \(isOfAnother)", arguments: [first])
        }
    }

    /// Drops rows, unless the reading of their stream has begun again since.
    private func drop(
        life: Int,
        of stream: any WritableKeyPath<StreamStates, StreamState> & Sendable,
        _ body: @escaping @Sendable (Database) throws -> Void,
        done: (inout StreamState) -> Void
    ) async throws {
        try await store.write { database in
            // On this queue the reading has begun again by now, or will after this.
            guard self.streams.withLock({ $0[keyPath: stream].life == life }) else { return }
            try body(database)
        }
        streams.withLock { if $0[keyPath: stream].life == life { done(&$0[keyPath: stream]) } }
    }

    // MARK: The database

    /// The reading of the read marks begins again.
    func beginInbox() { streams.withLock { $0.inbox = $0.inbox.begun() } }

    /// Asks for somebody, when it is their turn. `body` runs on a reader's queue.
    ///
    /// While the model is rebuilt, the question waits; it is asked again when that began in its middle.
    ///
    /// - Throws: `service_unavailable`, `rate_limited`, a `CancellationError`.
    func read<Value: Sendable>(
        for holder: ReaderShares.Holder,
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        var isRepeated = false
        while true {
            // What a full disk holds up is not waited for.
            if !store.isWhole, let trouble = store.trouble, !trouble.isDamage { throw Unavailable.because(trouble) }
            guard await store.isWhole(within: patience) else {
                try Task.checkCancellation()
                throw Unavailable.because(store.trouble)
            }
            do {
                return try await shares.read(for: holder) { try await store.read { database, _ in try body(database) } }
            } catch is Recreated where !isRepeated {
                isRepeated = true
            } catch StorageTrouble.damaged where !isRepeated {
                isRepeated = true
            } catch let trouble as StorageTrouble {
                throw Unavailable.because(trouble)
            } catch is Recreated {
                throw Unavailable.catchingUp
            }
        }
    }

    /// Changes, in one transaction. `body` runs on the writer's queue.
    ///
    /// - Parameter generation: the making of the file that the change is for.
    /// - Throws: ``Recreated`` when that is no more; ``StorageTrouble``.
    func write<Value: Sendable>(_ generation: Int, _ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await store.write(generation, body)
    }
}

// MARK: The file

extension ReadModel {
    /// Which making of the file this is.
    var generation: Int { store.generation }

    /// What keeps the file from being used; nil for nothing.
    var trouble: StorageTrouble? { store.trouble }

    /// Whether the model holds what the log held when it was last made anew.
    var isWhole: Bool { store.isWhole }

    /// How many requests wait for a reader.
    var waitingReads: Int { shares.waitingCount }

    /// Opens the file, or makes it anew when it was given up; whoever follows a stream begins with this.
    ///
    /// - Returns: the making of the file.
    /// - Throws: ``StorageTrouble`` when that must be tried again later; ``ReadModelError`` when a person must do something.
    @discardableResult
    func open() async throws -> Int {
        let generation = try await store.open()
        streams.withLock { streams in
            guard streams.generation != generation else { return }
            // Under the lock, so that it happens before anybody follows anything into this making.
            log.reset()
            inbox.reset()
            streams = StreamStates(log: streams.log.begun(), inbox: streams.inbox.begun(), generation: generation)
        }
        return generation
    }

    /// Gives the file up when it was removed, or another one has taken its name.
    func checkPlace() async { await store.checkPlace() }

    /// Gives the file up: it was found to be damaged. Of several that find that, one does it.
    func lose(_ generation: Int, because reason: String) {
        store.lose(generation, because: reason)
    }

    /// Waits until a making of the file is given up. Returns early when the task is cancelled.
    func end(of generation: Int) async { await store.end(of: generation) }

    /// All that the log held when the reading of it began is in the model.
    func noteLogCaughtUp(_ generation: Int) { noteCaughtUp(\.log, generation) }

    /// The same of the read marks.
    func noteInboxCaughtUp(_ generation: Int) { noteCaughtUp(\.inbox, generation) }

    private func noteCaughtUp(_ stream: WritableKeyPath<StreamStates, StreamState>, _ generation: Int) {
        let isWhole = streams.withLock { streams in
            guard streams.generation == generation else { return false }
            streams[keyPath: stream].isCaughtUp = true
            return streams.log.isCaughtUp && streams.inbox.isCaughtUp
        }
        if isWhole { store.finishRebuilding(generation) }
    }
}
