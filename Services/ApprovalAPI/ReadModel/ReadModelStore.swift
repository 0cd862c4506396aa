import Basics
import Dispatch
import GRDB
import Logging
import Metrics
import Synchronization

/// The database of the read model, and what is done when its file fails.
///
/// Every access goes through ``read(_:)`` or ``write(_:_:)``, so damage is noticed wherever it is met: the file is given up at once, and
/// ``open()`` makes it anew. A disk that is full, and whatever else lies outside of the file, never costs the file: accesses fail until it is mended.
///
/// May be used from any task; SQLite runs on GRDB's own queues, and opening on one of this object's, never on the cooperative pool.
final class ReadModelStore: Sendable {
    private struct State {
        /// Nil while there is no file that can be used.
        var opened: ReadModelFile.Opened?
        /// A file that was given up and is still to be closed.
        var lost: ReadModelFile.Opened?
        var generation = 0
        /// Settled when this making of the file is given up.
        var end = OneShot<Void>()
        /// Settled when the model holds again what it held before the file was given up.
        var rebuilt = ReadModelStore.settled()
        /// What is wrong; nil for nothing.
        var trouble: StorageTrouble?
        /// Whether that was found when something was written.
        var isOfWriting = false
    }

    private let file: ReadModelFile
    private let logger: Logger
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "read-model.open")
    private let rebuilds = Counter(label: "causeway_read_model_rebuilds")

    /// Opens the file, or makes it.
    ///
    /// - Throws: ``ReadModelError``. A full disk is no error: it is waited for, in ``open()``.
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

    /// Which making of the file this is.
    var generation: Int { state.withLock { $0.generation } }

    /// What keeps the file from being used; nil for nothing.
    var trouble: StorageTrouble? { state.withLock { $0.trouble } }

    /// Whether the model holds what the log held when it was last made anew.
    var isWhole: Bool { state.withLock { $0.rebuilt.isSettled } }

    /// Waits until the model is whole.
    ///
    /// - Returns: false when the time was over before, or the task was cancelled.
    func isWhole(within limit: Duration) async -> Bool {
        (try? await state.withLock { $0.rebuilt }.value(within: limit)) != nil
    }

    /// Waits until a making of the file is given up. Returns early when the task is cancelled.
    func end(of generation: Int) async {
        let end: OneShot<Void>? = state.withLock { $0.generation == generation ? $0.end : nil }
        try? await end?.value()
    }

    // MARK: Opening

    /// Opens the file again when it was given up, or when another file has taken its name.
    ///
    /// - Returns: the making of the file.
    /// - Throws: ``StorageTrouble`` when that must be tried again later; ``ReadModelError`` when a person must do something.
    func open() async throws -> Int {
        try await queue.run { Result { try self.openNow() } }.get()
    }

    /// Gives the file up when its name does not name it any more: SQLite goes on with a file that nobody can open again.
    func checkPlace() async {
        await queue.run { _ = self.isOpenInPlace() }
    }

    private func isOpenInPlace() -> Bool {
        let (opened, generation) = state.withLock { ($0.opened, $0.generation) }
        guard let opened else { return false }
        if file.isInPlace(opened) { return true }
        lose(generation, because: "it was removed, or another file has taken its name")
        return false
    }

    private func openNow() throws -> Int {
        if isOpenInPlace() { return generation }
        let lost = state.withLock { $0.lost }
        // Waits for those who still read from it.
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

    /// Gives the file up, once: it is damaged, and is made anew when ``open()`` is called next.
    ///
    /// - Parameter generation: the making that was found to be damaged. Of several that find that, one does it.
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
            metadata: ["error": "\(reason)", "database.file": "\(file.path)"]
        )
        end.settle(())
    }

    /// What was in the log when this making of the file began is in the model.
    func finishRebuilding(_ generation: Int) {
        state.withLock { $0.generation == generation ? $0.rebuilt : nil }?.settle(())
    }

    // MARK: Access

    /// Asks, in one transaction and so at one moment. `body` runs on the queue of a reader.
    ///
    /// - Throws: ``StorageTrouble``, ``ReadModel/Recreated`` or a `CancellationError`; else what `body` throws.
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

    /// Changes, in one transaction. `body` runs on the writer's queue.
    ///
    /// - Parameter generation: the making of the file that the change is for; nil for the present one.
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

    /// What an access failed for, after what must be done about it.
    private func failure(_ error: any Error, of generation: Int, writing: Bool) -> any Error {
        if error is CancellationError { return error }
        // What was asked of a file that has been given up and closed says nothing about the next one.
        guard self.generation == generation else { return ReadModel.Recreated() }
        if let error = error as? DatabaseError, error.resultCode == .SQLITE_INTERRUPT || error.resultCode == .SQLITE_ABORT {
            return CancellationError()
        }
        guard let trouble = StorageTrouble(error, path: file.path) else { return error }
        if case .damaged(let reason) = trouble { lose(generation, because: reason) } else { note(trouble, writing: writing) }
        return trouble
    }

    /// Remembers what is wrong and says it, once.
    private func note(_ trouble: StorageTrouble, writing: Bool = true) {
        let former = state.withLock { state in
            defer { (state.trouble, state.isOfWriting) = (trouble, writing) }
            return state.trouble
        }
        guard former != trouble else { return }
        let metadata: Logger.Metadata = ["database.file": "\(file.path)", "error": "\(trouble.reason)"]
        switch trouble {
        case .full:
            logger.error("the read model cannot be written, because its disk is full; it goes on when there is room", metadata: metadata)
        default: logger.error("cannot use the read model, trying again", metadata: metadata)
        }
    }

    /// An access succeeded: remembers that nothing is wrong any more.
    ///
    /// - A file that cannot be written can still be read, so a read is no end of that.
    /// - On a full disk a small change can find room in what SQLite has already, so no access is an end of that, but only room on the disk.
    private func recover(writing: Bool) {
        let (former, isOfWriting) = state.withLock { ($0.trouble, $0.isOfWriting) }
        guard let former else { return }
        if former == .full ? file.isDiskExhausted : isOfWriting && !writing { return }
        let isEnd = state.withLock { state in
            guard state.opened != nil, state.trouble == former else { return false }
            state.trouble = nil
            return true
        }
        if isEnd, !former.isDamage { logger.notice("the read model can be used again", metadata: ["database.file": "\(file.path)"]) }
    }

    private static func settled() -> OneShot<Void> {
        let shot = OneShot<Void>()
        shot.settle(())
        return shot
    }
}
