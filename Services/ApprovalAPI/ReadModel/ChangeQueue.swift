import Basics
import EventLog
import Synchronization

/// Bounded queue of changes from the feed's thread to the database.
///
/// Backpressure: when the database cannot keep up, as during a rebuild, the queue reports no room, and the feed stops reading. No thread blocks in
/// it.
final class ChangeQueue: LogObserver {
    /// Changes to write together.
    struct Batch: Sendable {
        var changes: [LogChange] = []
        /// The position after `changes`.
        var position: UInt64 = 0
        /// The last message that the feed got.
        var stamp: LogStamp?
        /// Whether the followed log was replaced.
        var isReplaced = false
    }

    private struct State {
        var batch = Batch()
        var hasNews = false
        var isClosed = false
    }

    /// Maximum number of queued changes, plus those of the last message.
    private static let capacity = 20_000

    private let state = Mutex(State())
    private let news: AsyncStream<Void>
    private let announce: AsyncStream<Void>.Continuation

    init() {
        (news, announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Yields whenever there is something to take.
    var arrivals: AsyncStream<Void> { news }

    /// Number of queued changes.
    var count: Int { state.withLock { $0.batch.changes.count } }

    var hasRoom: Bool { state.withLock { $0.isClosed || $0.batch.changes.count < Self.capacity } }

    /// Removes all queued changes; nil when empty.
    func take() -> Batch? {
        state.withLock { state in
            guard state.hasNews else { return nil }
            defer {
                state.batch.changes = []
                state.hasNews = false
            }
            return state.batch
        }
    }

    /// Closes the queue.
    func close() {
        state.withLock { $0.isClosed = true }
        announce.finish()
    }

    func logAppended(_ entry: LogEntry) {
        let changes = LogChange.changes(of: entry)
        put { batch in
            batch.changes += changes
            batch.position = entry.sequence
        }
    }

    func logDelivered(_ stamp: LogStamp) {
        state.withLock { $0.batch.stamp = stamp }
    }

    func logAdvanced(to sequence: UInt64, time: Timestamp?) {
        put { $0.position = sequence }
    }

    func logReplaced(epoch: UInt16, position: UInt64) {
        put { $0.isReplaced = true }
    }

    private func put(_ change: (inout Batch) -> Void) {
        state.withLock { state in
            guard !state.isClosed else { return }
            change(&state.batch)
            state.hasNews = true
        }
        announce.yield()
    }
}
