import Synchronization

/// Retry schedule of approvals whose expiry or escalation failed, by the sequence of their record.
///
/// Bounded: beyond ``maximum``, approvals are retried at every sweep. Any thread.
final class DeadlineFailures: Sendable {
    private enum Standing {
        case again(at: ContinuousClock.Instant, failures: Int)
        /// Given up; a dead letter exists.
        case givenUp
    }

    /// Maximum number of remembered failures.
    static let maximum = 100_000
    private static let first: Duration = .seconds(1)
    private static let longest: Duration = .seconds(300)

    private let now: @Sendable () -> ContinuousClock.Instant
    private let standings = Mutex<[UInt64: Standing]>([:])

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.now = now
    }

    /// Returns whether a retry is due.
    func isDue(_ sequence: UInt64) -> Bool {
        switch standings.withLock({ $0[sequence] }) {
        case nil: true
        case .again(let time, _): time <= now()
        case .givenUp: false
        }
    }

    /// Records a temporary failure: doubles the pause.
    func failed(_ sequence: UInt64) {
        let now = now()
        change { standings in
            let failures = if case .again(_, let failures) = standings[sequence] { failures + 1 } else { 1 }
            let pause = min(Self.first * (1 << min(failures - 1, 16)), Self.longest)
            standings[sequence] = .again(at: now.advanced(by: pause), failures: failures)
        }
    }

    /// Records a permanent failure.
    func giveUp(_ sequence: UInt64) { change { $0[sequence] = .givenUp } }

    /// Records a success, here or on another replica.
    func forget(_ sequence: UInt64) { standings.withLock { $0[sequence] = nil } }

    private func change(_ body: (inout [UInt64: Standing]) -> Void) {
        standings.withLock { standings in
            // The oldest requests are dropped first.
            if standings.count >= Self.maximum, let oldest = standings.keys.min() { standings[oldest] = nil }
            body(&standings)
        }
    }
}
