import Glibc
import Logging
import Synchronization

/// Writes log lines to a file descriptor through a bounded queue and one thread. Logging never blocks, even without a reader.
///
/// - A full queue drops lines; a later line reports their number.
/// - Repeated lines of a source location and tenant are limited per period, with a summary of the suppressed ones (``LogRepetition``), so that
///   clients cannot flood the log.
/// - Call ``flush(within:)`` before the process ends; `exit` does so once logging is set up.
///
/// Any thread.
public final class LogSink: Sendable {
    /// Standard error.
    public static let standardError = LogSink(fileDescriptor: STDERR_FILENO, repetition: LogRepetition())
    /// Default maximum of queued bytes.
    public static let capacity = 4 * 1024 * 1024
    /// How long the end of a process may wait for the reader of its log.
    static let exitDeadline: Duration = .milliseconds(500)

    private let queue: LogQueue
    private let repetition: Repetitions?

    /// Creates a sink on a descriptor, which the caller owns and keeps open.
    public convenience init(fileDescriptor: Int32, capacity: Int = LogSink.capacity) {
        self.init(fileDescriptor: fileDescriptor, capacity: capacity, repetition: nil)
    }

    /// - Parameters:
    ///   - repetition: Limit of repeated lines; nil for none.
    ///   - now: The clock of that limit.
    init(
        fileDescriptor: Int32,
        capacity: Int = LogSink.capacity,
        repetition: LogRepetition?,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        let repetitions = repetition.map { Repetitions($0, now: now) }
        let queue = LogQueue(descriptor: fileDescriptor, capacity: capacity) { repetitions?.report(endsAll: false) ?? false }
        repetitions?.output.withLock { output in output = { [weak queue] line, notice in queue?.put(line, notice) } }
        self.repetition = repetitions
        self.queue = queue
    }

    deinit { queue.close() }

    /// Enqueues `line`, which ends in a line end; lines are never interleaved. Returns at once.
    ///
    /// - Parameter notice: Renders reports of dropped lines.
    func write(_ line: [UInt8], _ notice: LogNotice) {
        queue.put(line, notice)
    }

    /// Returns whether an event is within the repetition limit.
    func admits(_ event: LogEvent, _ notice: LogNotice, place: @autoclosure () -> LogRepetition.Place) -> Bool {
        guard let repetition, LogRepetition.levels.contains(event.level) else { return true }
        let verdict = repetition.judge(event, place(), notice)
        if verdict == .suppressedFirst { queue.watch() }
        return verdict == .written
    }

    /// Reports suppressed lines of ended periods. Called by the writer thread once a second.
    func reportSuppressed() {
        _ = repetition?.report(endsAll: false)
    }

    /// Waits until all lines are written, at most `limit`.
    ///
    /// - Returns: whether all lines are written.
    @discardableResult
    public func flush(within limit: Duration) -> Bool {
        _ = repetition?.report(endsAll: true)
        return queue.drain(within: limit)
    }

    /// Flushes within the limit of a process's end.
    func flushAtExit() { flush(within: Self.exitDeadline) }

    /// Number of lines dropped by the full queue.
    public var dropped: UInt64 { queue.dropped }
    /// Number of suppressed repetitions.
    public var suppressed: UInt64 { repetition?.total ?? 0 }
}

/// Thread-safe ``LogRepetition`` of a sink.
private final class Repetitions: Sendable {
    private let state: Mutex<LogRepetition>
    private let now: @Sendable () -> ContinuousClock.Instant
    /// Receives the summaries of suppressed lines.
    let output = Mutex<(@Sendable ([UInt8], LogNotice) -> Void)?>(nil)

    init(_ repetition: LogRepetition, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        state = Mutex(repetition)
        self.now = now
    }

    var total: UInt64 { state.withLock(\.total) }

    func judge(_ event: LogEvent, _ place: LogRepetition.Place, _ notice: LogNotice) -> LogRepetition.Verdict {
        let now = now()
        let (verdict, ended) = state.withLock { $0.judge(place, event, notice, now: now) }
        if let ended { tell([ended]) }
        return verdict
    }

    /// - Parameter endsAll: whether to report periods that have not ended too.
    /// - Returns: whether more is to be reported later.
    func report(endsAll: Bool) -> Bool {
        let now = now()
        let (summaries, isPending) = state.withLock { state in
            let due = state.due(now: now, endsAll: endsAll)
            return (due, state.isPending)
        }
        tell(summaries)
        return isPending
    }

    private func tell(_ summaries: [LogRepetition.Summary]) {
        guard !summaries.isEmpty, let put = output.withLock({ $0 }) else { return }
        for summary in summaries { put(summary.line, summary.notice) }
    }
}
