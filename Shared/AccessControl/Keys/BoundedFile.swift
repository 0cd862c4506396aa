import Glibc

/// Reads small files that an operator names, at start.
enum BoundedFile {
    /// The whole content. Blocks the calling thread, which start-up can afford; works for pipes too.
    static func read(_ path: String, maximumBytes: Int) throws(AccessControlError) -> [UInt8] {
        guard let file = fopen(path, "rb") else {
            throw AccessControlError("\(path) cannot be read: \(String(cString: strerror(errno))).")
        }
        defer { fclose(file) }
        // One byte more than allowed is asked for: only so can "exactly at the limit" be told from "above".
        let bytes = [UInt8](unsafeUninitializedCapacity: maximumBytes + 1) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
        }
        guard ferror(file) == 0 else {
            throw AccessControlError("\(path) cannot be read: is it a file?")
        }
        guard bytes.count <= maximumBytes else {
            throw AccessControlError("\(path) is larger than the \(maximumBytes) bytes that such a file may have.")
        }
        return bytes
    }
}
