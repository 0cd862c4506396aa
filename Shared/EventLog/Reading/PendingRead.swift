import Basics
import EventModel
import Synchronization

/// One reader's request for past entries, while they are collected.
///
/// A scan fills it on the bus's delivery thread; the reader's task awaits it. Settled exactly once: when complete or full, when the scan ends
/// early, or when the reader is cancelled.
final class PendingRead: Sendable {
    /// The result of a pending read.
    enum Outcome: Sendable {
        case read(LogRead)
        /// The scan ended before it made progress.
        case failed(EventLogError)
    }

    private struct State {
        var entries: [LogEntry] = []
        var bytes = 0
        var isSettled = false
    }

    let id: UInt64
    let source: LogSource
    /// Last sequence that the reader has.
    let after: UInt64
    /// Last sequence to read.
    let through: UInt64
    let maxBytes: Int
    let deadline: ContinuousClock.Instant

    private let state = Mutex(State())
    private let result = OneShot<Outcome>()

    init(id: UInt64, source: LogSource, after: UInt64, through: UInt64, maxBytes: Int, deadline: ContinuousClock.Instant) {
        self.id = id
        self.source = source
        self.after = after
        self.through = through
        self.maxBytes = maxBytes
        self.deadline = deadline
    }

    /// Creates an empty, unsettled pending read for the same range.
    func copy() -> PendingRead {
        PendingRead(id: id, source: source, after: after, through: through, maxBytes: maxBytes, deadline: deadline)
    }

    /// Whether it is settled.
    var isSettled: Bool { state.withLock { $0.isSettled } }

    /// Adds the source's next entry. Settles the read when that completes or fills it.
    func take(_ entry: LogEntry) {
        guard entry.sequence > after else { return }
        let isFull = state.withLock { state in
            guard !state.isSettled, entry.sequence <= through else { return false }
            state.entries.append(entry)
            state.bytes += LogTail.cost(of: entry)
            return state.bytes >= maxBytes
        }
        if isFull || entry.sequence >= through { settle(completeThrough: entry.sequence) }
    }

    /// Settles the read with its entries, complete up to `sequence`.
    ///
    /// - Parameter reason: the error if no progress was made.
    func settle(completeThrough sequence: UInt64, otherwise reason: EventLogError? = nil) {
        settle { entries in
            if let reason, sequence <= self.after { return .failed(reason) }
            return .read(LogRead(entries: entries, position: max(self.after, min(sequence, self.through))))
        }
    }

    /// Settles the read with a result assembled elsewhere.
    func settle(with read: LogRead) {
        settle { _ in .read(read) }
    }

    /// Fails the read.
    func fail(_ error: EventLogError) {
        settle { _ in .failed(error) }
    }

    /// Waits for the outcome. Cancelling the task fails the read at once.
    func outcome() async -> Outcome {
        await result.value(onCancel: { fail(.cancelled) })
    }

    private func settle(_ make: ([LogEntry]) -> Outcome) {
        let outcome: Outcome? = state.withLock { state in
            guard !state.isSettled else { return nil }
            state.isSettled = true
            defer { state.entries = [] }
            return make(state.entries)
        }
        if let outcome { result.settle(outcome) }
    }
}
