import Foundation
import GRDB

/// The file of the read model: opened, or made anew when there is none, or none that can be used.
enum ReadModelFile {
    /// Instead of a path: the model is kept in memory and rebuilt at every start.
    static let memory = ":memory:"

    /// Opens the file. One of another version, or one that is damaged, is removed and made anew: everything in it is in the log too.
    ///
    /// - Throws: ``ReadModelError`` when the file belongs to another process, or cannot be written.
    static func open(_ path: String) throws -> DatabaseQueue {
        guard path != memory else { return try created(DatabaseQueue(configuration: configuration)) }
        guard FileManager.default.fileExists(atPath: path) else { return try create(path) }
        guard isDatabase(path) else { throw notOurs(path) }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let (owner, version) = try queue.read { database in
                (
                    try Int32.fetchOne(database, sql: "PRAGMA application_id"),
                    try Int.fetchOne(database, sql: "PRAGMA user_version")
                )
            }
            guard owner == Schema.applicationID else { throw notOurs(path) }
            if version == Schema.version { return queue }
            try queue.close()
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY || error.resultCode == .SQLITE_LOCKED {
            throw ReadModelError("DATABASE_FILE \(path) is in use by another process: give every process a file of its own.")
        } catch is DatabaseError {
            // Damaged.
        }
        return try create(path)
    }

    /// Whether the file begins as every SQLite database does, or is empty (<https://www.sqlite.org/fileformat.html#the_database_header>).
    private static func isDatabase(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? file.close() }
        let head = (try? file.read(upToCount: 16)) ?? Data()
        return head.isEmpty || head == Data("SQLite format 3\0".utf8)
    }

    /// A slip in the configuration must not cost anybody a file.
    private static func notOurs(_ path: String) -> ReadModelError {
        ReadModelError("DATABASE_FILE \(path) is there and is no read model of approval-api: name another file, or remove it.")
    }

    /// Removes the file and makes it anew.
    static func create(_ path: String) throws -> DatabaseQueue {
        remove(path)
        do {
            return try created(DatabaseQueue(path: path == memory ? "" : path, configuration: configuration))
        } catch let error as DatabaseError {
            throw ReadModelError(
                "DATABASE_FILE \(path) cannot be written (\(error.message ?? "no reason given")): name a file in a directory that this process may write to."
            )
        }
    }

    private static func created(_ queue: DatabaseQueue) throws -> DatabaseQueue {
        try queue.write { try Schema.create(in: $0) }
        return queue
    }

    /// With its companions: a write-ahead log without the file that it belongs to would be read into the next one.
    private static func remove(_ path: String) {
        guard path != memory else { return }
        for suffix in ["", "-wal", "-shm", "-journal"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "read-model"
        configuration.prepareDatabase { database in
            // One process, one connection: nothing is shared, so nothing needs to be locked twice.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            // A power cut may cost the last transactions, which the log still has; it cannot damage the file.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        return configuration
    }
}

/// Why the read model cannot be kept: a sentence that says what to do.
struct ReadModelError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
