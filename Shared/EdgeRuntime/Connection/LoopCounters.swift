import Synchronization

/// A number that one thread writes and any thread reads; as cheap as a plain one for the writer.
struct LoopCounter: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    var current: Int { self.value.load(ordering: .relaxed) }

    /// Adds `amount`. Only the loop's thread calls it, so no read-modify-write instruction is needed.
    func add(_ amount: Int) { self.value.store(self.value.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }

    /// As ``add(_:)``.
    func set(_ amount: Int) { self.value.store(amount, ordering: .relaxed) }
}

/// What a loop counts. Written on its thread, read by the scrape.
final class LoopCounters: Sendable {
    let connections = LoopCounter()
    let deliveries = LoopCounter()
    let bytes = LoopCounter()
    let heartbeats = LoopCounter()
    let blockedWrites = LoopCounter()
    let tailReads = LoopCounter()
    let logReads = LoopCounter()
    let gaps = LoopCounter()
    private let closes = Mutex<[CloseCause: Int]>([:])

    /// A connection ended.
    func closed(_ cause: CloseCause) { self.closes.withLock { $0[cause, default: 0] += 1 } }

    /// Connections ended so far, by cause.
    var closesByCause: [CloseCause: Int] { self.closes.withLock { $0 } }
}
