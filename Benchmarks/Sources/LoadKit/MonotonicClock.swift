import Glibc

/// `CLOCK_MONOTONIC`, in nanoseconds: one clock for all processes of a machine, so that a time stamped by one can be subtracted in another.
enum MonotonicClock {
    /// The time now.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Blocks the thread until `deadline`; returns at once when that has passed.
    static func sleep(until deadline: UInt64) {
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }

    /// Looks every `interval` nanoseconds whether `condition` holds, for at most `limit` nanoseconds. Returns whether it did.
    static func wait(_ limit: UInt64, every interval: UInt64 = 1_000_000, for condition: () throws(LoadError) -> Bool) throws(LoadError)
        -> Bool
    {
        let deadline = now() + limit
        while try !condition() {
            let time = now()
            guard time < deadline else { return false }
            sleep(until: time + interval)
        }
        return true
    }
}
