import Basics
import Glibc

/// What a connection is to send besides the log's entries: whole messages, in order, as far as the socket has not taken them.
///
/// Keeps the boundaries of messages, so that everything can be dropped but the one that was begun. A message is stored once and in no more than
/// one piece, so that neither appending nor writing ever copies what waits.
struct Outbox {
    private struct Chunk {
        var bytes: [UInt8]
        /// Where in `bytes` each message ends.
        var ends: [Int]
    }

    /// What became of a write.
    enum Outcome {
        /// Nothing is left.
        case emptied
        /// The socket is full.
        case blocked
        /// `limit` was reached; the socket may take more.
        case limitReached
        case failed
    }

    /// Messages are gathered up to this many bytes, so that many small ones cost one system call.
    private static let chunkBytes = 64 * 1024
    /// Below this many unsent bytes the peer's pace is not checked.
    static let toleratedBytes = 1024 * 1024
    /// A peer that takes fewer bytes than this within its patience, while more than ``toleratedBytes`` wait for it, reads too slowly.
    static let leastProgress: UInt64 = 64 * 1024

    private var chunks: [Chunk] = []
    /// The first chunk that is not sent.
    private var head = 0
    /// How many bytes of the head have been sent.
    private var sent = 0
    /// Unsent bytes.
    private(set) var count = 0
    /// Bytes sent so far.
    private var taken: UInt64 = 0
    /// Since when, and from how many sent bytes on, the peer's progress is watched.
    private var watch: (since: MonotonicInstant, taken: UInt64)?

    /// Begins with `message`.
    init(_ message: [UInt8]) { self.append(message) }

    /// Begins with nothing.
    init() {}

    var isEmpty: Bool { self.count == 0 }

    /// Appends one message, given in parts.
    mutating func append(_ parts: [UInt8]...) {
        let length = parts.reduce(0) { $0 + $1.count }
        guard length > 0 else { return }
        if self.isEmpty || self.chunks[self.chunks.count - 1].bytes.count + length > Self.chunkBytes {
            var chunk = Chunk(bytes: [], ends: [])
            // Of a backlog more is to come; a single answer gets what it needs.
            chunk.bytes.reserveCapacity(self.isEmpty ? length : max(length, Self.chunkBytes))
            self.chunks.append(chunk)
        }
        let last = self.chunks.count - 1
        for part in parts { self.chunks[last].bytes += part }
        self.chunks[last].ends.append(self.chunks[last].bytes.count)
        self.count += length
    }

    /// Writes until nothing is left, the sink is full, or `limit` bytes are written.
    /// - Returns: what became of it, and how many bytes were written.
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

    /// Whether one message, or the rest of one, is all that is left.
    var holdsOneMessage: Bool {
        self.head == self.chunks.count - 1 && self.chunks[self.head].ends.count { $0 > self.sent } == 1
    }

    /// Asked now and then: whether the peer takes next to nothing while much waits for it. What it is measured by is how fast the peer reads, never
    /// how much there is to read.
    ///
    /// - Parameter patience: over how long the peer's progress is measured.
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
