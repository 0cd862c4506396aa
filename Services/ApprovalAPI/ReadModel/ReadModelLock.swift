import Basics
import Glibc

/// The sign beside the file of the read model that it is this service's: `DATABASE_FILE-lock`.
///
/// - Held (`flock`) for as long as the process lives, it keeps a second process from the file.
/// - Its content proves that what lies beside it under the names of SQLite's companions was made by this service. It is written before any of
///   them is made, and only when none was there.
final class ReadModelLock: Sendable {
    private let descriptor: Int32
    private static let suffix = "-lock"
    private static let signature = "This file marks a read model of Causeway's approval-api, which is made from the event log.\n"

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        // Ends the lock, too.
        close(descriptor)
    }

    /// Takes the lock of a file that has a sign already; nil when it has none.
    ///
    /// - Throws: ``ReadModelError`` when another process holds it, or the sign is another's file.
    static func existing(beside path: String) throws -> ReadModelLock? {
        let descriptor = open(path + suffix, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw refusal(errno, path)
        }
        let lock = ReadModelLock(descriptor)
        guard try lock.isSigned(path) else { return nil }
        try lock.take(path)
        return lock
    }

    /// Makes the sign and takes the lock.
    ///
    /// - Throws: ``ReadModelError``; ``StorageTrouble`` when the disk is full.
    static func make(beside path: String) throws -> ReadModelLock {
        let descriptor = open(path + suffix, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else { throw refusal(errno, path) }
        let lock = ReadModelLock(descriptor)
        try lock.take(path)
        guard try !lock.isSigned(path) else { return lock }
        let count = Array(signature.utf8).withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == signature.utf8.count else {
            let code = count < 0 ? errno : ENOSPC
            ftruncate(descriptor, 0)
            throw refusal(code, path)
        }
        return lock
    }

    /// Whether it says what a sign says; an empty one does not yet.
    private func isSigned(_ path: String) throws -> Bool {
        guard let status = FileStatus(descriptor: descriptor), status.kind == .regular else { throw Self.notOurs(path) }
        if status.size == 0 { return false }
        let length = Self.signature.utf8.count
        let content = [UInt8](unsafeUninitializedCapacity: length + 1) { buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, length + 1, 0))
        }
        guard content == Array(Self.signature.utf8) else { throw Self.notOurs(path) }
        return true
    }

    private func take(_ path: String) throws {
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return }
        throw errno == EWOULDBLOCK ? ReadModelError.inUse(path) : Self.refusal(errno, path)
    }

    private static func notOurs(_ path: String) -> any Error {
        ReadModelError.notOurs(path + suffix, of: path)
    }

    private static func refusal(_ code: Int32, _ path: String) -> any Error {
        switch code {
        case ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM: StorageTrouble(systemError: code)
        case ELOOP, EISDIR, ENXIO: notOurs(path)
        default: ReadModelError.notWritable(path, String(cString: strerror(code)))
        }
    }
}
