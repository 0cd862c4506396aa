import Foundation
import Glibc

/// The unwritten lines of a ``LogSink``: a queue bounded in bytes, with one writer thread.
///
/// Any thread enqueues without blocking; only the writer waits for the descriptor. It is a POSIX thread and may block.
final class LogQueue: @unchecked Sendable {
    /// Lines dropped since the last accepted one.
    struct Loss: Sendable {
        var lines: UInt64 = 0
        /// Renders the line that reports them.
        var notice: LogNotice
    }

    private let descriptor: Int32
    private let capacity: Int
    /// Called on the writer thread once a second after ``watch()``.
    private let tick: @Sendable () -> Bool

    /// Protects everything below.
    private let condition = NSCondition()
    private var lines: [[UInt8]] = []
    /// Bytes in `lines` and in the writer's current batch.
    private var bytes = 0
    private var loss: Loss?
    private var droppedTotal: UInt64 = 0
    private var isWatching = false
    private var isClosed = false
    private var isRunning = false

    /// Maximum size of one write, unless a line is longer.
    private static let pieceBytes = 64 * 1024
    private static let tickInterval: TimeInterval = 1

    /// - Parameters:
    ///   - descriptor: The descriptor; the caller keeps it open.
    ///   - capacity: Maximum number of queued bytes.
    ///   - tick: Called once a second while watching; returns whether to continue.
    init(descriptor: Int32, capacity: Int, tick: @escaping @Sendable () -> Bool) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.tick = tick
    }

    /// Number of dropped lines.
    var dropped: UInt64 { condition.withLock { droppedTotal } }

    /// Enqueues a line, or drops it when the queue is full. Never blocks on the descriptor.
    func put(_ line: [UInt8], _ notice: LogNotice) {
        condition.withLock {
            guard !isClosed else { return }
            guard bytes + line.count <= capacity else {
                droppedTotal += 1
                loss = Loss(lines: (loss?.lines ?? 0) + 1, notice: notice)
                return
            }
            lines.append(line)
            bytes += line.count
            wakeWriter()
        }
    }

    /// Starts calling `tick` once a second.
    func watch() {
        condition.withLock {
            guard !isWatching, !isClosed else { return }
            isWatching = true
            wakeWriter()
        }
    }

    /// Waits until all lines are written, at most `limit`, as the descriptor may have no reader.
    ///
    /// - Returns: whether all lines are written.
    @discardableResult
    func drain(within limit: Duration) -> Bool {
        let deadline = Date(timeIntervalSinceNow: limit / .seconds(1))
        return condition.withLock {
            while bytes > 0 || loss != nil {
                guard isRunning, condition.wait(until: deadline) else { return bytes == 0 && loss == nil }
            }
            return true
        }
    }

    /// Refuses further lines; the writer thread ends when the queue is empty.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    // MARK: The writer

    /// Wakes or starts the writer. Call with the lock held.
    private func wakeWriter() {
        guard !isRunning else { return condition.broadcast() }
        isRunning = true
        let thread = Thread { self.run() }
        thread.name = "log-writer"
        thread.start()
    }

    private func run() {
        while let batch = next() {
            DescriptorOutput.write(batch, to: descriptor)
            written(batch.count)
        }
    }

    /// Waits for the next batch. Nil when the queue is closed and empty.
    private func next() -> [UInt8]? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if !lines.isEmpty { return takeBatch() }
            if let loss {
                // The queue is written: report what was dropped.
                self.loss = nil
                let line = loss.notice.dropped(loss.lines)
                bytes += line.count
                return line
            }
            if isClosed { return nil }
            guard isWatching else {
                condition.wait()
                continue
            }
            if condition.wait(until: Date(timeIntervalSinceNow: Self.tickInterval)) { continue }
            // The tick enqueues lines. Who calls `watch` meanwhile may have come too late for it.
            isWatching = false
            condition.unlock()
            let goesOn = tick()
            condition.lock()
            isWatching = isWatching || goesOn
        }
    }

    /// Removes some whole lines in order. Call with the lock held.
    private func takeBatch() -> [UInt8] {
        var batch: [UInt8] = []
        var count = 0
        while count < lines.count, batch.isEmpty || batch.count + lines[count].count <= Self.pieceBytes {
            batch += lines[count]
            count += 1
        }
        lines.removeFirst(count)
        return batch
    }

    private func written(_ count: Int) {
        condition.withLock {
            bytes -= count
            if bytes == 0, loss == nil { condition.broadcast() }
        }
    }
}

/// Writes to a descriptor, blocking.
enum DescriptorOutput {
    /// Writes all bytes; stops when the descriptor is unusable.
    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if written < 0, errno == EAGAIN {
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wanted, 1, -1)
            } else if written < 0, errno != EINTR {
                // No reader left.
                return
            }
        }
    }
}
