/// Computes when the next event of a steady stream is due.
///
/// Due times are counted from the start, so that the rate holds however long each event takes; after a long delay (an outage, a
/// suspended machine) it continues from the current time instead of catching up in a burst.
struct Pace: Sendable {
    /// How far the stream may be behind and still catch up.
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

    /// The moment at which the next event is due; each call is for another event.
    mutating func next(now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        if due.duration(to: now) > Self.patience { due = now }
        defer { due = due.advanced(by: interval) }
        return due
    }
}
