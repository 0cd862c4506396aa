import CZlib
import Synchronization

/// Compresses messages without context from one to the next: the same message always gives the same bytes.
/// RFC 7692 §7.2.1. Any thread; calls are serialized.
///
/// Holds about 50 KiB during its lifetime: one instance serves a whole process.
public final class Deflater: Sendable {
    private let stream = Mutex(DeflateStream())

    public init() {}

    /// Returns the compressed message, without the four bytes that end every one.
    func compress(_ message: UnsafeRawBufferPointer) -> [UInt8] {
        self.stream.withLock { $0.compress(message) }
    }
}

/// zlib's state. It stores its own address, so it must not move.
///
/// Sendable: nothing else refers to that memory, and it keeps nothing of a message.
private struct DeflateStream: ~Copyable, @unchecked Sendable {
    /// The bytes that a flush appends, and a sender removes.
    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

    private static let chunkBytes = 16 * 1024

    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        self.stream = .allocate(capacity: 1)
        self.stream.initialize(to: z_stream())
        // Negative: raw deflate, without zlib's header and checksum.
        let status = deflateInit2_(
            self.stream,
            Z_DEFAULT_COMPRESSION,
            Z_DEFLATED,
            -PerMessageDeflate.windowBits,
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        precondition(status == Z_OK, "zlib does not start: status \(status)")
    }

    deinit {
        deflateEnd(self.stream)
        self.stream.deallocate()
    }

    mutating func compress(_ message: UnsafeRawBufferPointer) -> [UInt8] {
        deflateReset(self.stream)
        self.stream.pointee.next_in = UnsafeMutablePointer(mutating: message.bindMemory(to: UInt8.self).baseAddress)
        self.stream.pointee.avail_in = uInt(message.count)
        defer { self.stream.pointee.next_in = nil }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.chunkBytes) { chunk in
            var bytes: [UInt8] = []
            repeat {
                self.stream.pointee.next_out = chunk.baseAddress
                self.stream.pointee.avail_out = uInt(chunk.count)
                deflate(self.stream, Z_SYNC_FLUSH)
                bytes += chunk[..<(chunk.count - Int(self.stream.pointee.avail_out))]
            } while self.stream.pointee.avail_out == 0
            return bytes.dropLast(Self.tail.count)
        }
    }
}
