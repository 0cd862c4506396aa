import Glibc
import Logging
import Synchronization

/// Where log lines go: a bounded queue, and one thread that writes it to a file descriptor. Logging never blocks, whoever reads the descriptor
/// or does not.
///
/// - When the queue is full, lines are dropped and counted; when it has been written, a line says how many.
/// - Of lines that repeat at one place in the program for one tenant, a few are written in a period, and then one that says how many were
///   suppressed (``LogRepetition``), so that nobody outside can fill the log.
/// - Whoever ends the process calls ``flush(within:)`` first; `exit` does by itself once logging is set up.
///
/// May be used from any thread.
public final class LogSink: Sendable {
    /// Standard error.
    public static let standardError = LogSink(fileDescriptor: STDERR_FILENO, repetition: LogRepetition())
    /// How many bytes of lines wait at most, unless told otherwise.
    public static let capacity = 4 * 1024 * 1024
    /// How long the end of a process may wait for the reader of its log.
    static let exitDeadline: Duration = .milliseconds(500)

    private let queue: LogQueue
    private let repetition: Repetitions?

    /// Writes to a descriptor, which the caller owns and keeps open.
    public convenience init(fileDescriptor: Int32, capacity: Int = LogSink.capacity) {
        self.init(fileDescriptor: fileDescriptor, capacity: capacity, repetition: nil)
    }

    /// - Parameters:
    ///   - repetition: which repeated lines are suppressed; nil for none.
    ///   - now: the clock by which that is judged.
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

    /// Writes `line`, whose last byte is a line end, without mixing it with another. Returns at once.
    ///
    /// - Parameter notice: how to tell that lines were dropped.
    func write(_ line: [UInt8], _ notice: LogNotice) {
        queue.put(line, notice)
    }

    /// Whether an entry is to be written, or is one repetition too many.
    func admits(_ event: LogEvent, _ notice: LogNotice, place: @autoclosure () -> LogRepetition.Place) -> Bool {
        guard let repetition, LogRepetition.levels.contains(event.level) else { return true }
        let verdict = repetition.judge(event, place(), notice)
        if verdict == .suppressedFirst { queue.watch() }
        return verdict == .written
    }

    /// Says how many lines were suppressed in periods that are over. The writer's thread does once a second.
    func reportSuppressed() {
        _ = repetition?.report(endsAll: false)
    }

    /// Waits until all lines are written, but no longer than `limit`.
    ///
    /// - Returns: whether they are.
    @discardableResult
    public func flush(within limit: Duration) -> Bool {
        _ = repetition?.report(endsAll: true)
        return queue.drain(within: limit)
    }

    /// Waits for the last lines as long as the end of the process may take.
    func flushAtExit() { flush(within: Self.exitDeadline) }

    /// How many lines were dropped, because the queue was full.
    public var dropped: UInt64 { queue.dropped }
    /// How many repeated lines were suppressed.
    public var suppressed: UInt64 { repetition?.total ?? 0 }
}

/// The ``LogRepetition`` of a sink, for any thread.
private final class Repetitions: Sendable {
    private let state: Mutex<LogRepetition>
    private let now: @Sendable () -> ContinuousClock.Instant
    /// Where the lines go that tell of suppressed ones.
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

    /// - Parameter endsAll: whether to tell of periods that are not over, too.
    /// - Returns: whether there is more to tell later.
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
