/// Computes when the next event of a steady stream is due.
///
/// Due times are counted from the start, so that the rate holds however long each event takes; after a long delay (an outage, a
/// suspended machine) it continues from the current time instead of catching up in a burst.
struct Pace: Sendable {
    /// Maximum delay that is caught up.
    static let patience: Duration = .seconds(1)

    private let interval: Duration
    private var due: ContinuousClock.Instant

    /// - Parameters:
    ///   - rate: events per second; more than zero.
    ///   - start: when the first event is due.
    init(rate: Double, start: ContinuousClock.Instant) {
        precondition(rate > 0, "Without a rate there is no next event.")
        interval = .seconds(1) / rate
        due = start
    }

    /// Returns when the next event is due, and advances to the one after it.
    mutating func next(now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        if due.duration(to: now) > Self.patience { due = now }
        defer { due = due.advanced(by: interval) }
        return due
    }
}
