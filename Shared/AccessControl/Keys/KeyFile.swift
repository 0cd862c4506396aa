import Basics

/// Reads key files.
enum KeyFile {
    /// Reads a whole file. Blocks the calling thread; only for start-up and reload.
    static func read(_ path: String, maximumBytes: Int) throws(AccessControlError) -> [UInt8] {
        do throws(BoundedFile.ReadError) {
            return try BoundedFile.read(path, maximumBytes: maximumBytes)
        } catch {
            guard let reason = error.systemMessage else {
                throw AccessControlError("\(path) is larger than the \(maximumBytes) bytes that such a file may have.")
            }
            throw AccessControlError("\(path) cannot be read: \(reason).")
        }
    }
}
