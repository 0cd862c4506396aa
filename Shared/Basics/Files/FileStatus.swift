import Glibc

/// Metadata of a file (`stat(2)`). A value; creating it blocks on the disk.
///
/// The only caller of `stat`: the members of the C struct belong to whichever C module the compiler loaded first, which in a release build of a
/// target with NIO or Dispatch is not `Glibc`.
package struct FileStatus: Sendable, Hashable {
    /// Identifies a file independently of its name: device and inode.
    package struct Identity: Sendable, Hashable {
        private let device: UInt64
        private let node: UInt64

        fileprivate init(_ status: stat) {
            device = UInt64(status.st_dev)
            node = UInt64(status.st_ino)
        }
    }

    /// The kinds of files that matter here.
    package enum Kind: Sendable, Hashable {
        case regular
        case symbolicLink
        case other
    }

    package let identity: Identity
    package let kind: Kind
    /// The permission bits of group and others.
    private let permissions: UInt32
    /// Size in bytes.
    package let size: Int
    /// Modification time: seconds and nanoseconds since 1970.
    private let seconds: Int
    private let nanoseconds: Int

    /// Whether group or others may write to it.
    package var isWritableByOthers: Bool { permissions & 0o022 != 0 }

    /// Whether group or others may read, write or execute it.
    package var isOpenToOthers: Bool { permissions != 0 }

    /// Reads the status of the file at a path; nil with `errno` on failure.
    ///
    /// - Parameter followsLink: Whether to follow a symbolic link.
    package init?(of path: String, followsLink: Bool = true) {
        var status = stat()
        guard (followsLink ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(status)
    }

    /// Reads the status of an open file; nil with `errno` on failure.
    package init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        identity = Identity(status)
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFLNK: .symbolicLink
            default: .other
            }
        permissions = UInt32(status.st_mode) & 0o077
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
