import Glibc

/// What the file system says of a file (`stat(2)`). A value; reading it blocks on the disk.
///
/// It stands here, and is read nowhere else, because the members of C's struct belong to whichever C module a compiler has met first, and in a
/// release build of a target with NIO or Dispatch that is another one than `Glibc`.
package struct FileStatus: Sendable, Hashable {
    /// Which file it is, whatever its name is by now.
    package struct Identity: Sendable, Hashable {
        private let device: UInt64
        private let node: UInt64

        fileprivate init(_ status: stat) {
            device = UInt64(status.st_dev)
            node = UInt64(status.st_ino)
        }
    }

    /// What a file can be, as far as it matters here.
    package enum Kind: Sendable, Hashable {
        case regular
        case symbolicLink
        case other
    }

    package let identity: Identity
    package let kind: Kind
    /// In bytes.
    package let size: Int
    /// When it was last changed, in seconds and nanoseconds since 1970.
    private let seconds: Int
    private let nanoseconds: Int

    /// The file that a path leads to. Nil with `errno` for none.
    ///
    /// - Parameter followsLink: Whether a link stands for what it leads to, or for itself.
    package init?(of path: String, followsLink: Bool = true) {
        var status = stat()
        guard (followsLink ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self.init(status)
    }

    /// The file that is open as a descriptor. Nil with `errno` for none.
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
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
