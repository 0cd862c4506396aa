import Glibc

/// Small files that a process is configured with.
enum BoundedFile {
    /// Why a file was not read, to stand behind its path in a sentence.
    struct ReadError: Error {
        let reason: String
    }

    /// The content of a file, if it has at most `limit` bytes. Pipes and devices are read like files, up to the limit.
    static func read(_ path: String, limit: Int) throws(ReadError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ReadError(reason: "cannot be read (\(String(cString: strerror(errno))))") }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ReadError(reason: "cannot be read (\(String(cString: strerror(errno))))") }
            guard count > 0 else { return content }
            content += chunk[..<count]
            guard content.count <= limit else { throw ReadError(reason: "is larger than \(ByteSizeText.show(limit))") }
        }
    }
}
