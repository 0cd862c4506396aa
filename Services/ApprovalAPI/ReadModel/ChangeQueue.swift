import EventLog
import Foundation

/// Changes on their way from the feed's thread to the database: a bounded queue.
///
/// When the database cannot keep up, as while the model is rebuilt, the feed's thread waits here, and the log's flow control holds the server.
final class ChangeQueue: LogObserver, @unchecked Sendable {
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

    /// How many changes wait at most.
    private static let capacity = 20_000

    /// Guards all below; a condition, because the feed's thread is none of Swift's and may block.
    private let condition = NSCondition()
    private var batch = Batch()
    private var hasNews = false
    private var isClosed = false
    private let news: AsyncStream<Void>
    private let announce: AsyncStream<Void>.Continuation

    init() {
        (news, announce) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Whenever there is something to take.
    var arrivals: AsyncStream<Void> { news }

    /// How many changes wait.
    var count: Int { condition.withLock { batch.changes.count } }

    /// All that waits, if anything does.
    func take() -> Batch? {
        condition.withLock {
            guard hasNews else { return nil }
            defer {
                batch.changes = []
                hasNews = false
                condition.broadcast()
            }
            return batch
        }
    }

    /// Nobody takes any more: the feed is not held up from now on.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
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
        condition.withLock { batch.stamp = stamp }
    }

    func logAdvanced(to sequence: UInt64) {
        put { $0.position = sequence }
    }

    func logReplaced(epoch: UInt16, position: UInt64) {
        put { $0.isReplaced = true }
    }

    private func put(_ change: (inout Batch) -> Void) {
        condition.withLock {
            while batch.changes.count >= Self.capacity, !isClosed { condition.wait() }
            guard !isClosed else { return }
            change(&batch)
            hasNews = true
        }
        announce.yield()
    }
}
