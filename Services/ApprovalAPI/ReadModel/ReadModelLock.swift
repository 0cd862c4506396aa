import Basics
import Glibc

/// The lock file beside the read model, `DATABASE_FILE-lock`: it marks the model as this service's.
///
/// - The lock (`flock`), held for the process's lifetime, keeps a second process from the file.
/// - Its content proves that files beside it with the names of SQLite's companions are ours. It is written before any of them is created, and only
///   when none existed.
final class ReadModelLock: Sendable {
    private let descriptor: Int32
    private static let suffix = "-lock"
    private static let signature = "This file marks a read model of Causeway's approval-api, which is made from the event log.\n"

    private init(_ descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        // Releases the lock too.
        close(descriptor)
    }

    /// Locks an existing lock file; nil if the file is absent.
    ///
    /// - Throws: ``ReadModelError`` when another process holds it, or the file is foreign.
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

    /// Creates and locks the lock file.
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

    /// Returns whether the content is that of our lock file; false while it is empty.
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
