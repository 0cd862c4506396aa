import Basics
import EventLog
import Synchronization

/// Changes on their way from the feed's thread to the database: a bounded queue.
///
/// When the database cannot keep up, as while the model is rebuilt, the queue has no room, and the feed does not read until it has. Nobody ever waits
/// in it.
final class ChangeQueue: LogObserver {
    /// What there is to write.
    struct Batch: Sendable {
        var changes: [LogChange] = []
        /// Everything up to here is in `changes`, or changes nothing.
        var position: UInt64 = 0
        /// The last message that the feed got.
        var stamp: LogStamp?
        /// Whether the log that was followed is no more.
        var isReplaced = false
    }

    private struct State {
        var batch = Batch()
        var hasNews = false
        var isClosed = false
    }

    /// How many changes wait at most, but for those of the last message.
    private static let capacity = 20_000

    private let state = Mutex(State())
    private let news: AsyncStream<Void>
    private let announce: AsyncStream<Void>.Continuation

    init() {
        (news, announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Whenever there is something to take.
    var arrivals: AsyncStream<Void> { news }

    /// How many changes wait.
    var count: Int { state.withLock { $0.batch.changes.count } }

    var hasRoom: Bool { state.withLock { $0.isClosed || $0.batch.changes.count < Self.capacity } }

    /// All that waits, if anything does.
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

    /// Nobody takes any more.
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
