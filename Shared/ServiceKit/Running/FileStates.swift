import Basics

/// The states of files at one moment; tells whether one of them has been written, replaced, created or removed since.
public struct FileStates: Sendable, Equatable {
    private let paths: [String]
    /// Nil for a file that does not exist or cannot be reached. Symbolic links are followed, as container platforms replace those.
    private let states: [FileStatus?]

    /// Looks at the files. Take it before they are read, so that no change is missed. Blocks on the disk.
    public init(_ paths: [String]) {
        self.paths = paths
        states = paths.map { FileStatus(of: $0) }
    }

    /// Whether there are no files.
    package var isEmpty: Bool { paths.isEmpty }

    /// Looks at the same files again.
    func current() -> FileStates { FileStates(paths) }
}
