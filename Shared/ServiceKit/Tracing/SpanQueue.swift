import Synchronization

/// Ended spans that wait for their export. Bounded: drops further spans and counts them. Any thread.
///
/// Each tenant has at most half of the places, and all requests without an accepted token together an eighth: a caller decides whether its trace is
/// sampled, and must not crowd out the spans of others.
final class SpanQueue: Sendable {
    /// The number of spans held.
    static let capacity = 4096
    /// The number of spans held of one tenant.
    static let tenantCapacity = capacity / 2
    /// The number of spans held of requests without an accepted token.
    static let strangerCapacity = capacity / 8

    private struct State {
        var spans: [SpanRecord] = []
        /// The number of ``spans`` by tenant; the key nil has those of strangers. No number is 0.
        var held: [String?: Int] = [:]
        var exported = 0
        var dropped = 0
    }

    private let state = Mutex(State())

    /// Appends a span; drops it when the queue or its share of it is full.
    func add(_ span: SpanRecord) {
        let tenant = span.tenant
        state.withLock { state in
            let share = tenant == nil ? Self.strangerCapacity : Self.tenantCapacity
            guard state.spans.count < Self.capacity, state.held[tenant, default: 0] < share else {
                state.dropped += 1
                return
            }
            state.spans.append(span)
            state.held[tenant, default: 0] += 1
        }
    }

    /// Returns the oldest spans and leaves them in the queue.
    func first(_ count: Int) -> [SpanRecord] { state.withLock { Array($0.spans.prefix(count)) } }

    /// Removes the oldest spans.
    ///
    /// - Parameter wereExported: Whether the collector has accepted them; otherwise they are counted as dropped.
    func remove(_ count: Int, wereExported: Bool) {
        state.withLock { state in
            for span in state.spans.prefix(count) {
                let left = state.held[span.tenant, default: 0] - 1
                state.held[span.tenant] = left > 0 ? left : nil
            }
            state.spans.removeFirst(min(count, state.spans.count))
            if wereExported { state.exported += count } else { state.dropped += count }
        }
    }

    /// The number of spans accepted by the collector since the start.
    var exported: Int { state.withLock { $0.exported } }
    /// The number of spans dropped since the start: beyond ``capacity`` or a share of it, refused by the collector, or left at the end.
    var dropped: Int { state.withLock { $0.dropped } }
}
