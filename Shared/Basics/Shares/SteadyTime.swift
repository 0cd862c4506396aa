/// The time since the process first asked, which no change of the wall clock touches.
public enum SteadyTime {
    private static let start = ContinuousClock.now

    /// The time now. Any thread.
    public static let now: @Sendable () -> Duration = { start.duration(to: .now) }
}
