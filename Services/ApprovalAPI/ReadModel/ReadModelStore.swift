import Basics
import Dispatch
import GRDB
import Logging
import Metrics
import Synchronization

/// Owns the read model's database and recovers from file errors.
///
/// All access goes through ``read(_:)`` or ``write(_:_:)``, so damage is detected wherever it occurs: the file is given up at once, and ``open()``
/// recreates it. A full disk, or another external cause, never costs the file: access fails until the cause is fixed.
///
/// May be used from any task; SQLite runs on GRDB's own queues, and opening on one of this object's, never on the cooperative pool.
final class ReadModelStore: Sendable {
    private struct State {
        /// The open file; nil while none is usable.
        var opened: ReadModelFile.Opened?
        /// A given-up file that is still to be closed.
        var lost: ReadModelFile.Opened?
        var generation = 0
        /// Settled when this file generation is given up.
        var end = OneShot<Void>()
        /// Settled when a rebuild is complete.
        var rebuilt = ReadModelStore.settled()
        /// The current fault; nil for none.
        var trouble: StorageTrouble?
        /// Whether a write found the fault.
        var isOfWriting = false
    }

    private let file: ReadModelFile
    private let logger: Logger
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "read-model.open")
    private let rebuilds = Counter(label: "causeway_read_model_rebuilds")

    /// Opens or creates the file.
    ///
    /// - Throws: ``ReadModelError``. A full disk is not an error here: ``open()`` retries.
    init(path: String, readers: Int, logger: Logger) throws {
        file = try ReadModelFile(path, readers: readers)
        self.logger = logger
        state = Mutex(State())
        do {
            let opened = try file.open()
            state.withLock { $0.opened = opened }
        } catch StorageTrouble.full {
            note(.full)
        } catch let trouble as StorageTrouble {
            throw ReadModelError.notWritable(file.path, trouble.reason)
        }
    }

    /// The file's generation.
    var generation: Int { state.withLock { $0.generation } }

    /// Why the file is unusable; nil if it is usable.
    var trouble: StorageTrouble? { state.withLock { $0.trouble } }

    /// Whether a rebuild, if any, is complete.
    var isWhole: Bool { state.withLock { $0.rebuilt.isSettled } }

    /// Waits until the model is whole.
    ///
    /// - Returns: false on timeout or cancellation.
    func isWhole(within limit: Duration) async -> Bool {
        (try? await state.withLock { $0.rebuilt }.value(within: limit)) != nil
    }

    /// Waits until a file generation is given up, or the task is cancelled.
    func end(of generation: Int) async {
        let end: OneShot<Void>? = state.withLock { $0.generation == generation ? $0.end : nil }
        try? await end?.value()
    }

    // MARK: Opening

    /// Reopens the file after it was given up, or replaced by another file.
    ///
    /// - Returns: the file's generation.
    /// - Throws: ``StorageTrouble`` if a retry may help; ``ReadModelError`` if an operator must act.
    func open() async throws -> Int {
        try await queue.run { Result { try self.openNow() } }.get()
    }

    /// Gives the file up when its path no longer refers to it: SQLite would continue with an unlinked file.
    func checkPlace() async {
        await queue.run { _ = self.isOpenInPlace() }
    }

    private func isOpenInPlace() -> Bool {
        let (opened, generation) = state.withLock { ($0.opened, $0.generation) }
        guard let opened else { return false }
        if file.isInPlace(opened) { return true }
        lose(generation, because: "it was removed or replaced")
        return false
    }

    private func openNow() throws -> Int {
        if isOpenInPlace() { return generation }
        let lost = state.withLock { $0.lost }
        // Waits for running reads.
        try? lost?.database.close()
        do {
            let opened = try file.open(replacing: lost?.identity)
            state.withLock { state in
                state.opened = opened
                state.lost = nil
            }
            recover(writing: true)
            return self.generation
        } catch let trouble as StorageTrouble {
            note(trouble)
            throw trouble
        }
    }

    /// Gives a damaged file up, once; the next ``open()`` recreates it.
    ///
    /// - Parameter generation: the damaged generation. Idempotent per generation.
    func lose(_ generation: Int, because reason: String) {
        let end: OneShot<Void>? = state.withLock { state in
            guard state.generation == generation, let opened = state.opened else { return nil }
            defer { state.end = OneShot() }
            state.opened = nil
            state.lost = opened
            state.generation += 1
            state.trouble = .damaged(reason)
            if state.rebuilt.isSettled { state.rebuilt = OneShot() }
            return state.end
        }
        guard let end else { return }
        rebuilds.increment()
        logger.error(
            "the read model is damaged and is rebuilt from the log",
            metadata: [LogKey.error: "\(reason)", LogKey.databaseFile: "\(file.path)"]
        )
        end.settle(())
    }

    /// Records that the model holds what the log held when this file generation began.
    func finishRebuilding(_ generation: Int) {
        state.withLock { $0.generation == generation ? $0.rebuilt : nil }?.settle(())
    }

    // MARK: Access

    /// Reads in one transaction, a consistent snapshot. `body` runs on a reader's queue.
    ///
    /// - Throws: ``StorageTrouble``, ``ReadModel/Recreated`` or a `CancellationError`; errors of `body`.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database, _ generation: Int) throws -> Value) async throws -> Value {
        let (opened, generation) = try current()
        let value: Value
        do {
            value = try await opened.database.read { try body($0, generation) }
        } catch {
            throw failure(error, of: generation, writing: false)
        }
        recover(writing: false)
        return value
    }

    /// Writes in one transaction. `body` runs on the writer's queue.
    ///
    /// - Parameter generation: the file generation that the change is for; nil for the current one.
    /// - Throws: as ``read(_:)``.
    func write<Value: Sendable>(_ generation: Int? = nil, _ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        let (opened, current) = try current()
        guard generation ?? current == current else { throw ReadModel.Recreated() }
        let value: Value
        do {
            value = try await opened.database.write(body)
        } catch {
            throw failure(error, of: current, writing: true)
        }
        recover(writing: true)
        return value
    }

    private func current() throws -> (ReadModelFile.Opened, generation: Int) {
        let (opened, generation, trouble) = state.withLock { ($0.opened, $0.generation, $0.trouble) }
        guard let opened else { throw trouble ?? StorageTrouble.unavailable("it is not open") }
        return (opened, generation)
    }

    /// Classifies an access error, after the necessary reaction.
    private func failure(_ error: any Error, of generation: Int, writing: Bool) -> any Error {
        if error is CancellationError { return error }
        // An error of a given-up file says nothing about the next one.
        guard self.generation == generation else { return ReadModel.Recreated() }
        if let error = error as? DatabaseError, error.resultCode == .SQLITE_INTERRUPT || error.resultCode == .SQLITE_ABORT {
            return CancellationError()
        }
        guard let trouble = StorageTrouble(error, path: file.path) else { return error }
        if case .damaged(let reason) = trouble { lose(generation, because: reason) } else { note(trouble, writing: writing) }
        return trouble
    }

    /// Records and logs a fault, once.
    private func note(_ trouble: StorageTrouble, writing: Bool = true) {
        let former = state.withLock { state in
            defer { (state.trouble, state.isOfWriting) = (trouble, writing) }
            return state.trouble
        }
        guard former != trouble else { return }
        let metadata: Logger.Metadata = [LogKey.databaseFile: "\(file.path)", LogKey.error: "\(trouble.reason)"]
        switch trouble {
        case .full:
            logger.error("cannot write the read model: its disk is full; retrying until there is space", metadata: metadata)
        default: logger.error("cannot use the read model, trying again", metadata: metadata)
        }
    }

    /// Clears the fault after a successful access.
    ///
    /// - An unwritable file can still be read, so a read does not clear that fault.
    /// - On a full disk, a small write may fit into SQLite's allocated pages, so only free disk space clears that fault.
    private func recover(writing: Bool) {
        let (former, isOfWriting) = state.withLock { ($0.trouble, $0.isOfWriting) }
        guard let former else { return }
        if former == .full ? file.isDiskExhausted : isOfWriting && !writing { return }
        let isEnd = state.withLock { state in
            guard state.opened != nil, state.trouble == former else { return false }
            state.trouble = nil
            return true
        }
        if isEnd, !former.isDamage { logger.notice("the read model can be used again", metadata: [LogKey.databaseFile: "\(file.path)"]) }
    }

    private static func settled() -> OneShot<Void> {
        let shot = OneShot<Void>()
        shot.settle(())
        return shot
    }
}
