import Basics
import EventLog
import GRDB
import Logging
import Synchronization

/// Materialized view in SQLite: notifications of the log, approvals of their records, and read marks.
///
/// A cache: derived from the log and the streams beside it only, and disposable. Its position in each is written in the same transaction as the data, so
/// a crash leaves it consistent.
///
/// Any task; SQLite runs on GRDB's queues, never on the cooperative pool.
final class ReadModel: Sendable {
    /// The model's position in the log.
    struct Progress: Sendable, Equatable {
        /// The epoch of the position.
        var logEpoch: UInt16
        var logPosition: UInt64
        /// The last message read from the log.
        var logStamp: LogStamp?
        /// The file generation that this describes.
        var generation: Int
    }

    /// The file was recreated before a write to the previous one.
    struct Recreated: Error {}

    private let store: ReadModelStore
    private let shares: ReaderShares
    /// How long a request waits during a rebuild.
    private let patience: Duration
    /// Never held while waiting for the database, because the database's queue takes it too.
    private let streams = Mutex(StreamStates())
    /// Waits for a position of the log.
    let log = PositionGate()
    /// Waits for a position of the read marks.
    let inbox = PositionGate()
    /// Waits for a position of the approval records.
    let approvals = PositionGate()
    private let epoch = Mutex<UInt16?>(nil)

    /// Opens or creates the file.
    ///
    /// - Parameters:
    ///   - path: The file; ``ReadModelFile/memory`` for none.
    ///   - readers: Number of reading connections.
    ///   - patience: How long a request waits during a rebuild.
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

    /// The epoch of the followed log; nil before the first.
    var logEpoch: UInt16? { epoch.withLock { $0 } }

    /// Returns the model's position in the log.
    func progress() async throws -> Progress {
        try await progress { row, generation in
            Progress(
                logEpoch: UInt16(truncatingIfNeeded: try row.stored("log_epoch") as Int64),
                logPosition: UInt64(clamping: try row.stored("log_position") as Int64),
                logStamp: LogStamp(stored: try row.stored("log_stamp_sequence"), at: try row.stored("log_stamp_time")),
                generation: generation
            )
        }
    }

    /// Reads the row of positions.
    func progress<Value: Sendable>(_ parse: @escaping @Sendable (Row, _ generation: Int) throws -> Value) async throws -> Value {
        try await store.read { database, generation in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM progress") else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT)
            }
            return try parse(row, generation)
        }
    }

    /// Continues with the model's log; if that was replaced, truncated, or lost entries in between, clears what came from it and starts over.
    ///
    /// - Parameters:
    ///   - kept: what the log keeps.
    ///   - isRecognised: Whether the log still has the model's last message, as far as known.
    /// - Returns: where to continue.
    func followLog(_ kept: LogRetention, isRecognised: Bool) async throws -> Progress {
        let epoch = kept.epoch
        var progress = try await progress()
        // With unlisted deletions it is unknown which of the model's rows are gone.
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

    /// Applies changes up to `position`.
    ///
    /// - Parameter stamp: the last message; nil when unknown.
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

    private static let logTables = ["announcements", "notifications"]

    // MARK: Pruning

    /// Counts restarts of the log's reading. Read it before asking the log what it keeps.
    var logLife: Int { streams.withLock { $0.log.life } }

    /// Removes what the log no longer keeps, so that the model equals a newly built one.
    ///
    /// - Parameters:
    ///   - kept: what the log keeps; the model has reached its end.
    ///   - life: ``logLife`` before the log was asked.
    /// - Returns: false when deletions are unlisted, so that the model must be rebuilt.
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
                for table in Self.logTables {
                    try database.cachedStatement(sql: "DELETE FROM \(table) WHERE sequence BETWEEN ? AND ?").execute(arguments: bounds)
                }
            }
        } done: { done in
            done.first = max(done.first, kept.firstSequence)
            done.deleted = kept.deleted
        }
        return true
    }

    /// Removes read marks without notification; they only take space.
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

    /// Deletes rows, unless the reading of their stream has restarted since.
    private func drop(
        life: Int,
        of stream: any WritableKeyPath<StreamStates, StreamState> & Sendable,
        _ body: @escaping @Sendable (Database) throws -> Void,
        done: (inout StreamState) -> Void
    ) async throws {
        try await store.write { database in
            // On this queue the reading has restarted by now, or will after this.
            guard self.streams.withLock({ $0[keyPath: stream].life == life }) else { return }
            try body(database)
        }
        streams.withLock { if $0[keyPath: stream].life == life { done(&$0[keyPath: stream]) } }
    }

    // MARK: Streams beside the log

    /// Counts restarts of the reading of a stream. Read it before asking the stream what it keeps.
    func life(of source: SideSource) -> Int { streams.withLock { $0[keyPath: source.state].life } }

    /// Continues with what the model has of a stream; if the stream was recreated or truncated, clears that and starts over.
    ///
    /// - Parameters:
    ///   - life: the stream's creation time.
    ///   - last: the stream's last sequence.
    ///   - isRecognised: whether the stream still holds the last message that the model read, as far as known.
    /// - Returns: where to continue.
    func follow(_ source: SideSource, life: UInt64, last: UInt64, isRecognised: Bool) async throws -> SideProgress {
        var progress = try await progress(of: source)
        if progress.life != life || progress.position > last || !isRecognised {
            streams.withLock { $0[keyPath: source.state] = $0[keyPath: source.state].begun() }
            gate(of: source).reset()
            try await write(progress.generation) { database in
                try source.clear(database)
                let name = source.rawValue
                let sql = """
                    UPDATE progress SET \(name)_life = ?, \(name)_position = 0, \(name)_stamp_sequence = 0, \(name)_stamp_time = 0
                    """
                try database.execute(sql: sql, arguments: [Int64(bitPattern: life)])
            }
            progress.life = life
            progress.position = 0
            progress.stamp = nil
        }
        streams.withLock { $0[keyPath: source.state].created = life }
        gate(of: source).advance(to: progress.position)
        return progress
    }

    /// Creation time of the stream that is read; 0 before the first reading of this file.
    func created(of source: SideSource) -> UInt64 { streams.withLock { $0[keyPath: source.state].created } }

    /// Applies a change, up to `position` of its stream.
    ///
    /// - Parameter stamp: the last message applied; nil when there was none.
    func apply(
        _ change: @escaping @Sendable (Database) throws -> Void,
        of source: SideSource,
        position: UInt64,
        stamp: LogStamp?,
        generation: Int
    ) async throws {
        try await write(generation) { database in
            try change(database)
            let name = source.rawValue
            try database.cachedStatement(sql: "UPDATE progress SET \(name)_position = ?").execute(arguments: [Int64(clamping: position)])
            guard let stamp else { return }
            try database.cachedStatement(sql: "UPDATE progress SET \(name)_stamp_sequence = ?, \(name)_stamp_time = ?").execute(
                arguments: stamp.stored
            )
        }
        gate(of: source).advance(to: position)
    }

    /// Removes what a stream no longer keeps.
    ///
    /// - Parameters:
    ///   - first: First kept sequence.
    ///   - life: ``life(of:)`` before the stream was asked.
    func drop(_ source: SideSource, before first: UInt64, life: Int) async throws {
        let state = source.state
        guard streams.withLock({ $0[keyPath: state].first < first }) else { return }
        try await drop(life: life, of: state) { database in
            try source.drop(before: Int64(clamping: first), in: database)
        } done: {
            $0.first = max($0.first, first)
        }
    }

    // MARK: The database

    /// Runs a query in the holder's turn. `body` runs on a reader's queue.
    ///
    /// Waits during a rebuild, and retries if one began during the query.
    ///
    /// - Throws: `service_unavailable`, `rate_limited`, a `CancellationError`.
    func read<Value: Sendable>(
        for holder: ReaderShares.Holder,
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        var isRepeated = false
        while true {
            // Do not wait while the disk is full.
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

    /// Writes in one transaction. `body` runs on the writer's queue.
    ///
    /// - Parameter generation: the file generation that the change is for.
    /// - Throws: ``Recreated`` when the file was recreated; ``StorageTrouble``.
    func write<Value: Sendable>(_ generation: Int, _ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await store.write(generation, body)
    }
}

// MARK: The file

extension ReadModel {
    /// The file's generation.
    var generation: Int { store.generation }

    /// Why the file is unusable; nil if it is usable.
    var trouble: StorageTrouble? { store.trouble }

    /// Whether a rebuild, if any, is complete.
    var isWhole: Bool { store.isWhole }

    /// Number of requests waiting for a reader.
    var waitingReads: Int { shares.waitingCount }

    /// Opens the file, or recreates it after it was given up; followers call this first.
    ///
    /// - Returns: the file's generation.
    /// - Throws: ``StorageTrouble`` if a retry may help; ``ReadModelError`` if an operator must act.
    @discardableResult
    func open() async throws -> Int {
        let generation = try await store.open()
        streams.withLock { streams in
            guard streams.generation != generation else { return }
            // Under the lock, before any stream is followed into this generation.
            for gate in [log, inbox, approvals] { gate.reset() }
            streams = streams.begun(generation: generation)
        }
        return generation
    }

    /// Gives the file up when it was removed or replaced.
    func checkPlace() async { await store.checkPlace() }

    /// Gives a damaged file up. Idempotent per generation.
    func lose(_ generation: Int, because reason: String) {
        store.lose(generation, because: reason)
    }

    /// Waits until a file generation is given up, or the task is cancelled.
    func end(of generation: Int) async { await store.end(of: generation) }

    /// Records that the model has reached the log's end as of the start of the reading.
    func noteLogCaughtUp(_ generation: Int) { noteCaughtUp(\.log, generation) }

    /// Records the same for a stream beside the log.
    func noteCaughtUp(_ source: SideSource, _ generation: Int) { noteCaughtUp(source.state, generation) }

    private func noteCaughtUp(_ stream: WritableKeyPath<StreamStates, StreamState>, _ generation: Int) {
        let isWhole = streams.withLock { streams in
            guard streams.generation == generation else { return false }
            streams[keyPath: stream].isCaughtUp = true
            return streams.areCaughtUp
        }
        if isWhole { store.finishRebuilding(generation) }
    }
}
