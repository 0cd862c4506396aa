import Glibc

/// Reads small files with a size limit.
package enum BoundedFile {
    /// Why a file was not read.
    package enum ReadError: Error, Hashable, Sendable {
        /// A system call failed with this `errno`.
        case system(Int32)
        /// The file exceeds the limit.
        case tooLarge

        /// The system's text for ``system(_:)``.
        package var systemMessage: String? {
            guard case .system(let code) = self else { return nil }
            return String(cString: strerror(code))
        }
    }

    /// Reads a whole file. Also reads pipes and devices, up to the limit. Blocks the calling thread.
    ///
    /// - Parameter maximumBytes: Maximum size in bytes.
    package static func read(_ path: String, maximumBytes: Int) throws(ReadError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno) }
        defer { close(descriptor) }
        return try read(descriptor: descriptor, maximumBytes: maximumBytes)
    }

    /// Reads an open file, pipe or device to its end, and leaves it open. Blocks the calling thread.
    ///
    /// - Parameter maximumBytes: Maximum size in bytes.
    package static func read(descriptor: Int32, maximumBytes: Int) throws(ReadError) -> [UInt8] {
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(maximumBytes, 16 * 1024) + 1)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system(errno) }
            guard count > 0 else { return content }
            content += chunk[..<count]
            guard content.count <= maximumBytes else { throw .tooLarge }
        }
    }
}
