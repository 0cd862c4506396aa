import Glibc

/// An instant of the monotonic clock in nanoseconds: eight bytes, where `ContinuousClock.Instant` has sixteen.
public struct MonotonicInstant: Sendable, Hashable, Comparable {
    /// Nanoseconds since boot.
    public var nanoseconds: UInt64

    /// Creates an instant from nanoseconds since boot.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Returns the current instant. Any thread.
    public static let now: @Sendable () -> MonotonicInstant = {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicInstant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// Time since boot: the time of a ``TokenBucket``.
    public var sinceBoot: Duration { .nanoseconds(Int64(clamping: self.nanoseconds)) }

    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Returns a later instant; negative durations count as zero.
    public func advanced(by duration: Duration) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: self.nanoseconds + UInt64(max(0, duration.nanoseconds)))
    }

    /// Milliseconds until `other`, rounded up so that a wait never ends early; 0 when it has passed.
    package func milliseconds(until other: MonotonicInstant) -> Int32 {
        guard other > self else { return 0 }
        return Int32(clamping: (other.nanoseconds - self.nanoseconds + 999_999) / 1_000_000)
    }
}
