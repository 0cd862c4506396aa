import Basics
import Foundation
import GRDB
import Glibc
import Synchronization

/// Opens the read model's file, or recreates it when it is absent or unusable.
final class ReadModelFile: Sendable {
    /// In place of a path: keeps the model in memory, rebuilt at every start, with one connection.
    static let memory = ":memory:"

    /// An open file.
    struct Opened: Sendable {
        /// One writer and concurrent readers.
        let database: any DatabaseWriter
        /// The file's identity; nil in memory.
        let identity: FileStatus.Identity?
    }

    let path: String
    /// Number of reading connections.
    private let readers: Int
    /// Held until deinit.
    private let lock = Mutex<ReadModelLock?>(nil)

    /// - Throws: ``ReadModelError`` for a dangling link.
    init(_ path: String, readers: Int) throws {
        self.path = path == Self.memory ? path : try Self.resolved(path)
        self.readers = readers
    }

    /// Opens or creates the file. Recreates one that is damaged or of another version: its content is in the log.
    ///
    /// Blocks on the disk.
    ///
    /// - Parameter known: a file known to be damaged; replaced without another check.
    /// - Throws: ``ReadModelError`` for a foreign or unwritable file; ``StorageTrouble`` for temporary causes.
    func open(replacing known: FileStatus.Identity? = nil) throws -> Opened {
        guard path != Self.memory else { return try inMemory() }
        do {
            let wasMarked = try takeLock()
            if let known, FileStatus(of: path)?.identity == known { return try create() }
            switch FileOwnership.of(path) {
            case .foreign: throw ReadModelError.notOurs(path, of: path)
            case .nothing:
                if !wasMarked, let stray = FileOwnership.companion(of: path) { throw ReadModelError.notOurs(stray, of: path) }
                return try create()
            case .ours: return try opened() ?? create()
            }
        } catch let error as DatabaseError {
            throw StorageTrouble(error, path: path) ?? error
        }
    }

    /// Returns whether the path still refers to the opened file.
    func isInPlace(_ opened: Opened) -> Bool {
        opened.identity == nil || FileStatus(of: path)?.identity == opened.identity
    }

    /// Whether the disk is full.
    var isDiskExhausted: Bool { path != Self.memory && DiskRoom.isExhausted(at: path) }

    // MARK: Steps

    /// Locks out other processes. Creates no lock file beside a foreign file.
    ///
    /// - Returns: whether the lock file existed, so that everything beside the file is ours.
    private func takeLock() throws -> Bool {
        try lock.withLock { lock in
            guard lock == nil else { return true }
            if let existing = try ReadModelLock.existing(beside: path) {
                lock = existing
                return true
            }
            let ownership = FileOwnership.of(path)
            if ownership == .foreign { throw ReadModelError.notOurs(path, of: path) }
            if ownership == .nothing, let stray = FileOwnership.companion(of: path) { throw ReadModelError.notOurs(stray, of: path) }
            lock = try ReadModelLock.make(beside: path)
            return false
        }
    }

    /// Opens our file; nil when it is damaged or of another version.
    private func opened() throws -> Opened? {
        do {
            let pool = try DatabasePool(path: path, configuration: configuration)
            let isCurrent = try pool.read { database in
                try Int.fetchOne(database, sql: "PRAGMA user_version") == Schema.version
                    && Int.fetchOne(database, sql: "SELECT count(*) FROM progress") == 1
            }
            if isCurrent { return Opened(database: pool, identity: FileStatus(of: path)?.identity) }
            try pool.close()
            return nil
        } catch {
            let code = (error as? DatabaseError)?.resultCode
            switch StorageTrouble(error, path: path) {
            case .damaged?: return nil
            case .unavailable? where code == .SQLITE_BUSY || code == .SQLITE_LOCKED: throw ReadModelError.inUse(path)
            case let trouble?: throw trouble
            case nil: throw error
            }
        }
    }

    /// Recreates our file.
    ///
    /// Renamed into place when complete, so that the path has our tables or no file at any moment; created before the write-ahead log exists, so that
    /// the tables are in the file itself.
    private func create() throws -> Opened {
        FileOwnership.delete(path)
        var building = Configuration()
        building.label = "read-model.new"
        let queue = try DatabaseQueue(path: path + "-new", configuration: building)
        do {
            try queue.write { try Schema.create(in: $0) }
            try queue.close()
        } catch {
            try? queue.close()
            FileOwnership.delete(path)
            throw error
        }
        guard rename(path + "-new", path) == 0 else { throw StorageTrouble(systemError: errno) }
        let pool = try DatabasePool(path: path, configuration: configuration)
        return Opened(database: pool, identity: FileStatus(of: path)?.identity)
    }

    private func inMemory() throws -> Opened {
        let queue = try DatabaseQueue(configuration: configuration)
        try queue.write { try Schema.create(in: $0) }
        return Opened(database: queue, identity: nil)
    }

    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "read-model"
        configuration.maximumReaderCount = readers
        // For other programs that read the file.
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { database in
            // Sorting must not need disk space.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            // Detects damage when a page is read.
            try database.execute(sql: "PRAGMA cell_size_check = ON")
            // Truncates a large write-ahead log after catching up.
            try database.execute(sql: "PRAGMA journal_size_limit = 67108864")
        }
        return configuration
    }

    /// Resolves a link once, so that its target is replaced and not the link.
    private static func resolved(_ path: String) throws -> String {
        guard FileStatus(of: path, followsLink: false)?.kind == .symbolicLink else { return path }
        guard let target = realpath(path, nil) else { throw ReadModelError.notOurs(path, of: path) }
        defer { free(target) }
        return String(cString: target)
    }
}

/// Describes why the read model cannot be stored, with the remedy.
struct ReadModelError: Error, CustomStringConvertible {
    let description: String

    /// A foreign file is in the way.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - path: what `DATABASE_FILE` names.
    static func notOurs(_ file: String, of path: String) -> ReadModelError {
        ReadModelError(
            description: file == path
                ? "DATABASE_FILE \(path) exists and is not a read model of approval-api: name another file, or remove it if it is not needed."
                : "\(file), which DATABASE_FILE \(path) would overwrite, exists and is not a read model of approval-api: "
                    + "name another file, or remove it if it is not needed."
        )
    }

    static func inUse(_ path: String) -> ReadModelError {
        ReadModelError(description: "DATABASE_FILE \(path) is in use by another process: give each process its own file.")
    }

    static func notWritable(_ path: String, _ reason: String) -> ReadModelError {
        ReadModelError(
            description: "DATABASE_FILE \(path) cannot be written (\(reason)): name a file in a directory that this process may write to."
        )
    }
}
