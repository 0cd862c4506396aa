import Foundation
import Glibc

/// The lines of a ``LogSink`` that are not written yet: a queue with a bound in bytes, and the one thread that writes them.
///
/// Any thread puts lines in and never waits for the descriptor; the writer's thread alone does. It is POSIX' and not Swift's, so it may block.
final class LogQueue: @unchecked Sendable {
    /// What is known of the lines that found no place since the last one that did.
    struct Loss: Sendable {
        var lines: UInt64 = 0
        /// How the line that tells of them is rendered.
        var notice: LogNotice
    }

    private let descriptor: Int32
    private let capacity: Int
    /// Called on the writer's thread once a second while ``watch()`` asks for it.
    private let tick: @Sendable () -> Bool

    /// Guards all below.
    private let condition = NSCondition()
    private var lines: [[UInt8]] = []
    /// Bytes in `lines`, and in what the writer has in hand.
    private var bytes = 0
    private var loss: Loss?
    private var droppedTotal: UInt64 = 0
    private var isWatching = false
    private var isClosed = false
    private var isRunning = false

    /// How much is written by one system call at most, unless one line is longer.
    private static let pieceBytes = 64 * 1024
    private static let tickInterval: TimeInterval = 1

    /// - Parameters:
    ///   - descriptor: the caller keeps it open.
    ///   - capacity: how many bytes of lines may wait.
    ///   - tick: what the writer calls once a second while it is asked to watch; returns whether to go on.
    init(descriptor: Int32, capacity: Int, tick: @escaping @Sendable () -> Bool) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.tick = tick
    }

    /// How many lines found no place so far.
    var dropped: UInt64 { condition.withLock { droppedTotal } }

    /// Adds a line, or drops it when there is no room. Never waits for the descriptor.
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

    /// Has the writer call `tick` once a second from now on.
    func watch() {
        condition.withLock {
            guard !isWatching, !isClosed else { return }
            isWatching = true
            wakeWriter()
        }
    }

    /// Waits until all is written, but no longer than `limit`: nobody may read the descriptor.
    ///
    /// - Returns: whether all is written.
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

    /// Takes no more lines; the writer's thread ends when it has written what waits.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    // MARK: The writer

    /// Wakes the writer, or starts it. Under the lock.
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

    /// What to write next; waits for it. Nil when the queue was closed and is empty.
    private func next() -> [UInt8]? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if !lines.isEmpty { return takeBatch() }
            if let loss {
                // All that waited is written: now is the time to say what is missing between.
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
            // The tick puts lines in.
            condition.unlock()
            let goesOn = tick()
            condition.lock()
            isWatching = goesOn
        }
    }

    /// Some of the lines that wait, whole and in order. Under the lock.
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

/// Writing to a descriptor until all is written, however long its reader takes.
enum DescriptorOutput {
    /// Writes `bytes`; gives up when the descriptor cannot be written to any more.
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
                // There is nobody left to tell.
                return
            }
        }
    }
}
