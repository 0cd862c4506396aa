import Glibc

/// A moment of the monotonic clock, in nanoseconds: eight bytes and one system call, where `ContinuousClock.Instant` has sixteen.
public struct MonotonicInstant: Sendable, Hashable, Comparable {
    /// Since the clock began.
    public var nanoseconds: UInt64

    /// A moment so many nanoseconds after the clock began.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// This moment. Any thread.
    public static let now: @Sendable () -> MonotonicInstant = {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicInstant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// How long after the clock's beginning it is: the time of a ``TokenBucket``.
    public var sinceBoot: Duration { .nanoseconds(Int64(clamping: self.nanoseconds)) }

    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// So much later; a negative duration counts as none.
    public func advanced(by duration: Duration) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: self.nanoseconds + UInt64(max(0, duration.nanoseconds)))
    }

    /// Whole milliseconds until `other`, rounded up so that a wait never ends just before it; 0 when it has passed.
    package func milliseconds(until other: MonotonicInstant) -> Int32 {
        guard other > self else { return 0 }
        return Int32(clamping: (other.nanoseconds - self.nanoseconds + 999_999) / 1_000_000)
    }
}
