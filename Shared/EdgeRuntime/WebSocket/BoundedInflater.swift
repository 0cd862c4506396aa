import CZlib

/// Inflates a message that was compressed without context from others. RFC 7692 §7.2.2.
///
/// Allocates zlib's memory (about 40 KiB) only during the call, and never more output than the limit, whatever
/// the size of the inflated message.
enum BoundedInflater {
    enum Outcome: Sendable, Equatable {
        case message([UInt8])
        /// The inflated message exceeds the limit.
        case tooBig
        /// The input is not in deflate format, or ends within a block.
        case malformed
    }

    /// The bytes that a sender removes from the end of a message.
    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
    private static let chunkBytes = 16 * 1024

    /// Inflates a message to at most `limit` bytes.
    static func inflate(_ compressed: [UInt8], limit: Int) -> Outcome {
        // The RFC encodes an empty message differently, but zlib's output for a second one is empty without the tail.
        if compressed.isEmpty { return .message([]) }
        var stream = z_stream()
        return withUnsafeMutablePointer(to: &stream) { stream in
            // Negative: raw deflate; 15: any window of the client.
            let status = inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            precondition(status == Z_OK, "zlib does not start: status \(status)")
            defer { inflateEnd(stream) }
            var input = compressed + self.tail
            return input.withUnsafeMutableBufferPointer { input in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = uInt(input.count)
                return self.run(stream, limit: limit)
            }
        }
    }

    private static func run(_ stream: UnsafeMutablePointer<z_stream>, limit: Int) -> Outcome {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: self.chunkBytes) { chunk in
            var message: [UInt8] = []
            while true {
                stream.pointee.next_out = chunk.baseAddress
                stream.pointee.avail_out = uInt(chunk.count)
                let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
                let count = chunk.count - Int(stream.pointee.avail_out)
                guard count <= limit - message.count else { return .tooBig }
                message += chunk[..<count]
                switch status {
                case Z_OK where self.isFinished(stream):
                    return .message(message)
                case Z_OK where stream.pointee.avail_out == 0:
                    break
                case Z_STREAM_END where stream.pointee.avail_in == self.tail.count:
                    return .message(message)
                case Z_STREAM_END where stream.pointee.avail_in > self.tail.count:
                    // Another block may follow one that is marked as the last. RFC 7692 §7.2.3.4.
                    inflateReset(stream)
                default:
                    return .malformed
                }
            }
        }
    }

    /// Whether all input was read and the last block has ended: zlib reports that in a bit of `data_type`.
    private static func isFinished(_ stream: UnsafeMutablePointer<z_stream>) -> Bool {
        stream.pointee.avail_in == 0 && stream.pointee.data_type & 128 != 0
    }
}
