import Glibc

/// Returns milliseconds since 1970 UTC. A function, so that tests can inject it.
public typealias WallClock = @Sendable () -> Int64

/// The system clock.
public enum SystemClock {
    /// Returns milliseconds since 1970 UTC. Any thread.
    @Sendable public static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

extension Timestamp {
    /// The current time of the system clock. Any thread.
    public static var now: Timestamp { Timestamp(millisecondsSinceEpoch: SystemClock.now()) }
}
