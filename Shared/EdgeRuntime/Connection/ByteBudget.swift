import Synchronization

/// Bytes that many may hold together. Any thread.
final class ByteBudget: Sendable {
    private let limit: Int
    private let bytes = Atomic<Int>(0)

    /// - Parameter limit: how many.
    init(limit: Int) { self.limit = limit }

    /// Whether more is held than may be.
    var isExceeded: Bool { self.bytes.load(ordering: .relaxed) > self.limit }

    /// Adds `change` to the bytes that are held; negative to release.
    func add(_ change: Int) { self.bytes.add(change, ordering: .relaxed) }
}
