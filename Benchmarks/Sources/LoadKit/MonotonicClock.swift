import Glibc

/// Reads `CLOCK_MONOTONIC`, in nanoseconds. All processes of a machine share it, so times of different processes can be subtracted.
enum MonotonicClock {
    /// Returns the current time.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Blocks the thread until `deadline`; returns at once if that has passed.
    static func sleep(until deadline: UInt64) {
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }

    /// Polls `condition` every `interval` nanoseconds for at most `limit` nanoseconds. Returns whether it became true.
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
