/// When a delivery that failed is tried again (contract §14).
public enum RetrySchedule {
    /// The delay after each failure in a row, the first first. After the last retry the endpoint is disabled.
    public static let delays: [Duration] = [
        .seconds(5), .seconds(5 * 60), .seconds(30 * 60), .seconds(2 * 3600), .seconds(5 * 3600), .seconds(10 * 3600), .seconds(14 * 3600),
        .seconds(20 * 3600), .seconds(24 * 3600),
    ]

    /// The part of a delay by which it varies, so that the endpoints of a receiver that was down are not all tried in the same second.
    static let jitter = 0.1

    /// How long the retries of a failing endpoint take altogether.
    public static let total = delays.reduce(.zero, +)

    /// Returns the delay after a number of failures in a row, ± 10 %; nil when no retry is left.
    ///
    /// - Parameters:
    ///   - failures: at least 1.
    ///   - random: in 0..<1.
    static func delay(afterFailures failures: Int, random: Double) -> Duration? {
        guard delays.indices.contains(failures - 1) else { return nil }
        return delays[failures - 1] * (1 - jitter + 2 * jitter * random)
    }

    /// Returns the delay that a receiver asked for, or up to 10 % more: never earlier than asked.
    static func delay(asked: Duration, random: Double) -> Duration {
        max(asked, shortestAsked) * (1 + jitter * random)
    }

    /// `Retry-After: 0` is no permission to try again and again without a pause.
    static let shortestAsked: Duration = .seconds(1)
}
