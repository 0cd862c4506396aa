import Basics
import Foundation
import GRDB
import Glibc
import Synchronization

/// The file of the read model: opened, or made anew when there is none, or none that can be used.
final class ReadModelFile: Sendable {
    /// Instead of a path: the model is kept in memory and rebuilt at every start. It has one connection for all.
    static let memory = ":memory:"

    /// A file in use.
    struct Opened: Sendable {
        /// One writer, and readers beside it.
        let database: any DatabaseWriter
        /// Nil in memory.
        let identity: FileStatus.Identity?
    }

    let path: String
    /// How many connections read at a time.
    private let readers: Int
    /// Held until this object goes.
    private let lock = Mutex<ReadModelLock?>(nil)

    /// - Throws: ``ReadModelError`` for a link that leads nowhere.
    init(_ path: String, readers: Int) throws {
        self.path = path == Self.memory ? path : try Self.resolved(path)
        self.readers = readers
    }

    /// Opens the file, or makes it. One of another version, or one that is damaged, is made anew: everything in it is in the log too.
    ///
    /// Blocks on the disk.
    ///
    /// - Parameter known: the file as it was when it was found to be damaged; it is replaced without another look at it.
    /// - Throws: ``ReadModelError`` when the file belongs to somebody else or cannot be written; ``StorageTrouble`` for what can pass.
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

    /// Whether the name still names the file that was opened.
    func isInPlace(_ opened: Opened) -> Bool {
        opened.identity == nil || FileStatus(of: path)?.identity == opened.identity
    }

    /// Whether the disk has no room at this moment.
    var isDiskExhausted: Bool { path != Self.memory && DiskRoom.isExhausted(at: path) }

    // MARK: Steps

    /// Keeps other processes away. What is another's gets no sign beside it.
    ///
    /// - Returns: whether the sign was there before, so that all that lies beside the file is ours.
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

    /// Opens a file of ours; nil when it is of another version, or damaged.
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

    /// Makes the file anew, in place of one that is ours.
    ///
    /// It gets its name when it is complete, so that at any moment there is a file with our tables in it or none; and it is made before it has a
    /// write-ahead log, so that they are in the file itself.
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
        // For another program that looks at the file.
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { database in
            // Where sorting needs room, it must not need a disk.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            // Finds damage when a page is read, and not when it is used.
            try database.execute(sql: "PRAGMA cell_size_check = ON")
            // What a long catching up has written is given back.
            try database.execute(sql: "PRAGMA journal_size_limit = 67108864")
        }
        return configuration
    }

    /// A link is followed once, so that the file that it leads to is replaced and not the link.
    private static func resolved(_ path: String) throws -> String {
        guard FileStatus(of: path, followsLink: false)?.kind == .symbolicLink else { return path }
        guard let target = realpath(path, nil) else { throw ReadModelError.notOurs(path, of: path) }
        defer { free(target) }
        return String(cString: target)
    }
}

/// Why the read model cannot be kept: a sentence that says what to do.
struct ReadModelError: Error, CustomStringConvertible {
    let description: String

    /// A file is there that is not provably ours.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - path: what `DATABASE_FILE` names.
    static func notOurs(_ file: String, of path: String) -> ReadModelError {
        ReadModelError(
            description: file == path
                ? "DATABASE_FILE \(path) is there and is no read model of approval-api: name another file, or remove it if nobody needs it."
                : "\(file), which DATABASE_FILE \(path) would overwrite, is there and is no read model of approval-api: "
                    + "name another file, or remove it if nobody needs it."
        )
    }

    static func inUse(_ path: String) -> ReadModelError {
        ReadModelError(description: "DATABASE_FILE \(path) is in use by another process: give every process a file of its own.")
    }

    static func notWritable(_ path: String, _ reason: String) -> ReadModelError {
        ReadModelError(
            description: "DATABASE_FILE \(path) cannot be written (\(reason)): name a file in a directory that this process may write to."
        )
    }
}
