import GRDB
import Glibc

/// Why the read model's file is unusable; determines the reaction.
enum StorageTrouble: Error, Sendable, Equatable {
    /// No space on the disk or in the quota. The file is kept; a retry may succeed.
    case full
    /// An external cause: permissions, descriptors, another process. The file is kept; a retry may succeed.
    case unavailable(String)
    /// Damaged, removed or replaced. The file is recreated from the log.
    case damaged(String)

    /// Classifies an error of the database; nil for other errors.
    ///
    /// - Parameter path: the file; its disk's free space is checked where the error is ambiguous.
    init?(_ error: any Error, path: String) {
        switch error {
        case let error as StorageTrouble: self = error
        // Values that the schema does not allow.
        case is RowDecodingError: self = .damaged("it holds a value that the schema does not allow")
        case let error as DatabaseError: self.init(error, path: path)
        default: return nil
        }
    }

    private init(_ error: DatabaseError, path: String) {
        let reason = error.message ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_FULL: self = .full
        // SQLite reports FULL for a write without free space, and another code for a file that could not be created or extended
        // (https://www.sqlite.org/rescode.html#ioerr_shmsize).
        case .SQLITE_IOERR, .SQLITE_CANTOPEN:
            if DiskRoom.isExhausted(at: path) {
                self = .full
            } else if Self.failedReads.contains(error.extendedResultCode) {
                self = .damaged(reason)
            } else {
                // A failed write, due to a quota for example, does not mean damage.
                self = .unavailable(reason)
            }
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL, .SQLITE_NOMEM, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_READONLY:
            self = .unavailable(reason)
        default: self = .damaged(reason)
        }
    }

    /// A part of the file cannot be read.
    private static let failedReads: [ResultCode] = [
        .SQLITE_IOERR_READ, .SQLITE_IOERR_SHORT_READ, .SQLITE_IOERR_DATA, .SQLITE_IOERR_CORRUPTFS,
    ]

    /// Classifies a system error from creating or locking the file.
    init(systemError code: Int32) {
        switch code {
        case ENOSPC, EDQUOT: self = .full
        default: self = .unavailable(String(cString: strerror(code)))
        }
    }

    /// Whether the file itself is damaged.
    var isDamage: Bool {
        if case .damaged = self { true } else { false }
    }

    /// A short text for `/readyz` and logs.
    var reason: String {
        switch self {
        case .full: "the disk of the read model is full"
        case .unavailable(let reason): "the read model's file cannot be used: \(reason)"
        case .damaged(let reason): "the read model is rebuilt from the log, because its file is damaged: \(reason)"
        }
    }
}

/// Free space of a file's disk.
enum DiskRoom {
    /// Free space below this counts as full: a page, and what SQLite writes beside it.
    private static let leastBytes: UInt64 = 64 * 1024

    /// Returns whether the disk of `path` is full.
    static func isExhausted(at path: String) -> Bool {
        var disk = statvfs()
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        guard statvfs(directory.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : directory, &disk) == 0 else { return false }
        let room = UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize))
        return (!room.overflow && room.partialValue < leastBytes) || (disk.f_files > 0 && disk.f_favail == 0)
    }
}
