import GRDB
import Glibc

/// Why the file of the read model could not be used: what decides about what is done.
enum StorageTrouble: Error, Sendable, Equatable {
    /// There is no room on the disk, or in what this process may use of it. The file is kept; the same can succeed once there is room.
    case full
    /// Something about the file's surroundings: permissions, descriptors, another process. The file is kept; the same can succeed later.
    case unavailable(String)
    /// The file is damaged, was removed or was replaced. It is made anew from the log.
    case damaged(String)

    /// What an error of the database means; nil for one that is not about the database.
    ///
    /// - Parameter path: the file, whose disk is asked for room where the error does not tell.
    init?(_ error: any Error, path: String) {
        switch error {
        case let error as StorageTrouble: self = error
        // Values that the schema does not allow.
        case is RowDecodingError: self = .damaged("it holds a value that cannot be there")
        case let error as DatabaseError: self.init(error, path: path)
        default: return nil
        }
    }

    private init(_ error: DatabaseError, path: String) {
        let reason = error.message ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_FULL: self = .full
        // SQLite says FULL for a write that found no room, and something else for a file that could not be made or made longer
        // (https://www.sqlite.org/rescode.html#ioerr_shmsize).
        case .SQLITE_IOERR, .SQLITE_CANTOPEN:
            if DiskRoom.isExhausted(at: path) {
                self = .full
            } else if Self.failedReads.contains(error.extendedResultCode) {
                self = .damaged(reason)
            } else {
                // A write that failed, for a quota for example, says nothing bad about what is in the file.
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

    /// What the system refused while a file was made or locked.
    init(systemError code: Int32) {
        switch code {
        case ENOSPC, EDQUOT: self = .full
        default: self = .unavailable(String(cString: strerror(code)))
        }
    }

    /// Whether it is the file that is bad, and not what is around it.
    var isDamage: Bool {
        if case .damaged = self { true } else { false }
    }

    /// A few words for `/readyz` and for logs.
    var reason: String {
        switch self {
        case .full: "the disk of the read model is full"
        case .unavailable(let reason): "the read model's file cannot be used: \(reason)"
        case .damaged(let reason): "the read model is rebuilt from the log, because its file is damaged: \(reason)"
        }
    }
}

/// How much room the disk of a file has.
enum DiskRoom {
    /// Less than this is as good as nothing: a page and what SQLite writes beside it.
    private static let leastBytes: UInt64 = 64 * 1024

    /// Whether the disk on which `path` lies has no room for more.
    static func isExhausted(at path: String) -> Bool {
        var disk = statvfs()
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        guard statvfs(directory.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : directory, &disk) == 0 else { return false }
        let room = UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize))
        return (!room.overflow && room.partialValue < leastBytes) || (disk.f_files > 0 && disk.f_favail == 0)
    }
}
