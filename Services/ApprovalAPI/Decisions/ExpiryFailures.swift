import Synchronization

/// Approvals that could not be expired, by the place of their request: when each is tried again.
///
/// Bounded: beyond ``maximum`` the others are tried at every sweep. Any thread.
final class ExpiryFailures: Sendable {
    private enum Standing {
        case again(at: ContinuousClock.Instant, failures: Int)
        /// A dead letter says so.
        case givenUp
    }

    /// How many are remembered.
    static let maximum = 100_000
    private static let first: Duration = .seconds(1)
    private static let longest: Duration = .seconds(300)

    private let now: @Sendable () -> ContinuousClock.Instant
    private let standings = Mutex<[UInt64: Standing]>([:])

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.now = now
    }

    /// Whether it is time to try one.
    func isDue(_ sequence: UInt64) -> Bool {
        switch standings.withLock({ $0[sequence] }) {
        case nil: true
        case .again(let time, _): time <= now()
        case .givenUp: false
        }
    }

    /// It failed for a reason that may pass: it waits twice as long as after the failure before.
    func failed(_ sequence: UInt64) {
        let now = now()
        change { standings in
            let failures = if case .again(_, let failures) = standings[sequence] { failures + 1 } else { 1 }
            let pause = min(Self.first * (1 << min(failures - 1, 16)), Self.longest)
            standings[sequence] = .again(at: now.advanced(by: pause), failures: failures)
        }
    }

    /// It will never succeed.
    func giveUp(_ sequence: UInt64) { change { $0[sequence] = .givenUp } }

    /// It succeeded, or somebody else did.
    func forget(_ sequence: UInt64) { standings.withLock { $0[sequence] = nil } }

    private func change(_ body: (inout [UInt64: Standing]) -> Void) {
        standings.withLock { standings in
            // The oldest requests are the first to leave the log.
            if standings.count >= Self.maximum, let oldest = standings.keys.min() { standings[oldest] = nil }
            body(&standings)
        }
    }
}
