import Synchronization

/// A shared bound on bytes held in memory. Any thread.
final class ByteBudget: Sendable {
    private let limit: Int
    private let bytes = Atomic<Int>(0)

    /// - Parameter limit: the bound, in bytes.
    init(limit: Int) { self.limit = limit }

    /// Whether the limit is exceeded.
    var isExceeded: Bool { self.bytes.load(ordering: .relaxed) > self.limit }

    /// Adds `change` to the number of bytes held; negative to release.
    func add(_ change: Int) { self.bytes.add(change, ordering: .relaxed) }

    /// Bytes that are counted for as long as this exists.
    final class Share: Sendable {
        private let budget: ByteBudget
        private let bytes: Int

        init(_ bytes: Int, in budget: ByteBudget) {
            self.budget = budget
            self.bytes = bytes
            budget.add(bytes)
        }

        deinit { self.budget.add(-self.bytes) }
    }
}
