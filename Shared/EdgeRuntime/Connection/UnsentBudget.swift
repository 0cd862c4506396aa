import Synchronization

/// The memory that all connections of an edge together may hold for what their clients have not read yet. Any thread.
///
/// Only connections with much to send count. When the budget is used up, those that hold more than their share of it are to end, so that a few slow
/// readers of large answers never cost the others theirs.
final class UnsentBudget: Sendable {
    private let limit: Int
    private let bytes = Atomic<Int>(0)
    private let holders = Atomic<Int>(0)

    /// - Parameter limit: bytes, over all connections.
    init(limit: Int) { self.limit = limit }

    /// A connection that held `old` bytes holds `new` ones. Returns whether it may: false when all together hold too much and it more than its share.
    func change(from old: Int, to new: Int) -> Bool {
        let total = self.bytes.add(new - old, ordering: .relaxed).newValue
        if old == 0, new > 0 { self.holders.add(1, ordering: .relaxed) }
        if old > 0, new == 0 { self.holders.subtract(1, ordering: .relaxed) }
        return total <= self.limit || new <= self.limit / max(1, self.holders.load(ordering: .relaxed))
    }
}
