import Basics
import EventModel
import Synchronization

/// One reader's wish for a piece of the past, while it is collected.
///
/// A scan fills it on the bus's delivery thread; the reader's task awaits it. It is settled exactly once: when it is complete or full, when
/// the scan ends early, or when the reader gives up.
final class PendingRead: Sendable {
    /// What becomes of a pending read.
    enum Outcome: Sendable {
        case read(LogRead)
        /// The scan ended before it got anywhere.
        case failed(EventLogError)
    }

    private struct State {
        var entries: [LogEntry] = []
        var bytes = 0
        var isSettled = false
    }

    let id: UInt64
    let source: LogSource
    /// The last sequence the reader has.
    let after: UInt64
    /// The last sequence the reader wants.
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

    /// A pending read for the same piece that is not settled and has nothing yet.
    func copy() -> PendingRead {
        PendingRead(id: id, source: source, after: after, through: through, maxBytes: maxBytes, deadline: deadline)
    }

    /// Whether nothing more is wanted.
    var isSettled: Bool { state.withLock { $0.isSettled } }

    /// Takes in the tenant's next entry. Settles the pending read when that completes or fills it.
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

    /// Settles the pending read with what it has, which is everything up to `sequence`.
    ///
    /// - Parameter reason: the answer when that is no further than the reader was.
    func settle(completeThrough sequence: UInt64, otherwise reason: EventLogError? = nil) {
        settle { entries in
            if let reason, sequence <= self.after { return .failed(reason) }
            return .read(LogRead(entries: entries, position: max(self.after, min(sequence, self.through))))
        }
    }

    /// Settles the pending read with a piece that was put together elsewhere.
    func settle(with read: LogRead) {
        settle { _ in .read(read) }
    }

    /// Settles the pending read without an answer.
    func fail(_ error: EventLogError) {
        settle { _ in .failed(error) }
    }

    /// The outcome, when there is one. When the task is cancelled, the pending read fails at once.
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
