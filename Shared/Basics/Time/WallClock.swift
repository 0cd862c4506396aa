import Glibc

/// The time of day as tokens count it: milliseconds since 1970 UTC. A function, so that tests can set it.
public typealias WallClock = @Sendable () -> Int64

/// The machine's own clock.
public enum SystemClock {
    /// Milliseconds since 1970 UTC. Callable from any thread.
    @Sendable public static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

extension Timestamp {
    /// The machine's time of day. Callable from any thread.
    public static var now: Timestamp { Timestamp(millisecondsSinceEpoch: SystemClock.now()) }
}
