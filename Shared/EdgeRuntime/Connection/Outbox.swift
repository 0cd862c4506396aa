import Basics
import Glibc

/// Bytes that a connection sends besides the log's entries: whole messages, in order, as far as the socket has not taken them.
///
/// Keeps the boundaries of messages, so that all but the message in progress can be dropped. A message is stored once, in a single
/// chunk, so that neither appending nor writing copies queued bytes.
struct Outbox {
    private struct Chunk {
        var bytes: [UInt8]
        /// The end of each message in `bytes`.
        var ends: [Int]
    }

    /// The result of a write.
    enum Outcome {
        /// Nothing is left.
        case emptied
        /// The socket is full.
        case blocked
        /// `limit` was reached; the socket may take more.
        case limitReached
        case failed
    }

    /// Small messages are gathered into chunks of this many bytes, to save system calls.
    private static let chunkBytes = 64 * 1024
    /// The peer's pace is not checked below this many unsent bytes.
    static let toleratedBytes = 1024 * 1024
    /// A peer reads too slowly if it takes fewer bytes than this within the patience, with more than ``toleratedBytes`` unsent.
    static let leastProgress: UInt64 = 64 * 1024

    private var chunks: [Chunk] = []
    /// The index of the first unsent chunk.
    private var head = 0
    /// Number of bytes of that chunk already sent.
    private var sent = 0
    /// Unsent bytes.
    private(set) var count = 0
    /// Bytes sent so far.
    private var taken: UInt64 = 0
    /// The start of the current measurement of the peer's pace, and the bytes sent by then.
    private var watch: (since: MonotonicInstant, taken: UInt64)?

    /// Creates an outbox with one message.
    init(_ message: [UInt8]) { self.append(message) }

    /// Creates an empty outbox.
    init() {}

    var isEmpty: Bool { self.count == 0 }

    /// Appends one message, given in parts.
    mutating func append(_ parts: [UInt8]...) {
        let length = parts.reduce(0) { $0 + $1.count }
        guard length > 0 else { return }
        if self.isEmpty || self.chunks[self.chunks.count - 1].bytes.count + length > Self.chunkBytes {
            var chunk = Chunk(bytes: [], ends: [])
            // A backlog will grow; a single answer gets the capacity it needs.
            chunk.bytes.reserveCapacity(self.isEmpty ? length : max(length, Self.chunkBytes))
            self.chunks.append(chunk)
        }
        let last = self.chunks.count - 1
        for part in parts { self.chunks[last].bytes += part }
        self.chunks[last].ends.append(self.chunks[last].bytes.count)
        self.count += length
    }

    /// Writes until the outbox is empty, the sink is full, or `limit` bytes are written.
    /// - Returns: the result, and the number of bytes written.
    mutating func write(to sink: inout some ByteSink, limit: Int) -> (outcome: Outcome, bytes: Int) {
        var written = 0
        while !self.isEmpty {
            guard written < limit else { return (.limitReached, written) }
            let sent = self.sent
            let offered = min(self.chunks[self.head].bytes.count - sent, limit - written)
            let result = self.chunks[self.head].bytes.withUnsafeBytes { bytes in
                var span = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress.map { $0 + sent }), iov_len: offered)
                return withUnsafePointer(to: &span) { sink.write(UnsafeBufferPointer(start: $0, count: 1)) }
            }
            guard let result else { return (.failed, written) }
            written += result
            self.advance(result)
            if result < offered { return (.blocked, written) }
        }
        return (.emptied, written)
    }

    private mutating func advance(_ bytes: Int) {
        self.sent += bytes
        self.count -= bytes
        self.taken &+= UInt64(bytes)
        guard self.sent == self.chunks[self.head].bytes.count else { return }
        self.sent = 0
        self.chunks[self.head] = Chunk(bytes: [], ends: [])
        self.head += 1
        if self.head == self.chunks.count {
            self.chunks = []
            self.head = 0
        } else if self.head >= 32, self.head * 2 >= self.chunks.count {
            self.chunks.removeSubrange(..<self.head)
            self.head = 0
        }
    }

    /// Drops every message of which nothing has been sent.
    mutating func dropUnbegun() {
        guard !self.isEmpty else { return }
        let end = self.sent == 0 ? 0 : self.chunks[self.head].ends.first { $0 >= self.sent } ?? self.sent
        guard end > self.sent else {
            self.chunks = []
            (self.head, self.sent, self.count) = (0, 0, 0)
            return
        }
        self.chunks = [Chunk(bytes: Array(self.chunks[self.head].bytes[..<end]), ends: [end])]
        (self.head, self.count) = (0, end - self.sent)
    }

    /// Whether exactly one message, or the rest of one, is left.
    var holdsOneMessage: Bool {
        self.head == self.chunks.count - 1 && self.chunks[self.head].ends.count { $0 > self.sent } == 1
    }

    /// Checks, at intervals, whether the peer takes almost nothing of a large backlog. Measures how fast the peer reads, not how much
    /// there is to read.
    ///
    /// - Parameter patience: the time over which the peer's progress is measured.
    mutating func isStalled(now: MonotonicInstant, patience: Duration) -> Bool {
        guard self.count > Self.toleratedBytes else {
            self.watch = nil
            return false
        }
        guard let watch = self.watch else {
            self.watch = (now, self.taken)
            return false
        }
        guard watch.since.advanced(by: patience) <= now else { return false }
        self.watch = (now, self.taken)
        return self.taken &- watch.taken < Self.leastProgress
    }
}
