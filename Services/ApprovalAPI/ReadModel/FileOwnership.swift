import Basics
import Foundation
import Glibc

/// Determines from the bytes of `DATABASE_FILE` whose file it is, before SQLite opens it.
///
/// A configuration error must not destroy a foreign file. So only a provable read model of this service is replaced: an SQLite database whose header
/// has our `application_id`, with the text of one of our tables. Both can be read from a file that is damaged elsewhere; if not, an operator
/// decides.
enum FileOwnership: Equatable {
    /// Absent, or empty.
    case nothing
    case ours
    /// Foreign; it is not touched.
    case foreign

    /// Files that SQLite and this service create beside it. SQLite deletes or overwrites existing files with the first three names.
    static let companions = ["-wal", "-shm", "-journal", "-new", "-new-journal"]

    /// How much of the file is searched for our tables; they are created first, so they are in the first pages.
    private static let searched = 1 << 20

    /// Looks at the file; blocks on the disk.
    static func of(_ path: String) -> FileOwnership {
        guard let status = FileStatus(of: path) else { return errno == ENOENT ? .nothing : .foreign }
        guard status.kind == .regular else { return .foreign }
        if status.size == 0 { return .nothing }
        guard let file = FileHandle(forReadingAtPath: path) else { return .foreign }
        defer { try? file.close() }
        guard let head = try? file.read(upToCount: searched), isOurs(head) else { return .foreign }
        return .ours
    }

    /// Of <https://www.sqlite.org/fileformat.html#the_database_header>: the magic string, and the application id at offset 68.
    private static func isOurs(_ head: Data) -> Bool {
        guard head.count >= 100, head.prefix(16) == Data("SQLite format 3\0".utf8) else { return false }
        let id = head[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard id == UInt32(bitPattern: Schema.applicationID) else { return false }
        return Schema.marks.contains { head.range(of: Data($0.utf8)) != nil }
    }

    /// Returns a foreign file that SQLite would overwrite or delete together with `path`; nil if no such file exists.
    static func companion(of path: String) -> String? {
        companions.lazy.map { path + $0 }.first { FileStatus(of: $0, followsLink: false) != nil }
    }

    /// Deletes the file and its companions; directories are left alone.
    ///
    /// Deletes the file last. A crash in between then leaves a file without its write-ahead log, which is outdated or damaged and handled as such; a
    /// write-ahead log without its file would be applied to the next file.
    static func delete(_ path: String) {
        for suffix in companions + [""] { unlink(path + suffix) }
    }
}
