import Synchronization

/// Ended spans that wait for their export. Bounded: drops further spans and counts them. Any thread.
final class SpanQueue: Sendable {
    /// The number of spans held.
    static let capacity = 4096

    private struct State {
        var spans: [SpanRecord] = []
        var exported = 0
        var dropped = 0
    }

    private let state = Mutex(State())

    /// Appends a span; drops it when the queue is full.
    func add(_ span: SpanRecord) {
        state.withLock { state in
            guard state.spans.count < Self.capacity else {
                state.dropped += 1
                return
            }
            state.spans.append(span)
        }
    }

    /// Returns the oldest spans and leaves them in the queue.
    func first(_ count: Int) -> [SpanRecord] { state.withLock { Array($0.spans.prefix(count)) } }

    /// Removes the oldest spans.
    ///
    /// - Parameter wereExported: Whether the collector has accepted them; otherwise they are counted as dropped.
    func remove(_ count: Int, wereExported: Bool) {
        state.withLock { state in
            state.spans.removeFirst(min(count, state.spans.count))
            if wereExported { state.exported += count } else { state.dropped += count }
        }
    }

    /// The number of spans accepted by the collector since the start.
    var exported: Int { state.withLock { $0.exported } }
    /// The number of spans dropped since the start: beyond ``capacity``, refused by the collector, or left at the end.
    var dropped: Int { state.withLock { $0.dropped } }
}
