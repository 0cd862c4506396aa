/// Monotonic time since the process's first call.
public enum SteadyTime {
    private static let start = ContinuousClock.now

    /// Returns the time. Any thread.
    public static let now: @Sendable () -> Duration = { start.duration(to: .now) }
}
