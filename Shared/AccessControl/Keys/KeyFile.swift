import Basics

/// Files with keys that an operator names.
enum KeyFile {
    /// The whole content. Blocks the calling thread, which the start and a reload can afford.
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
