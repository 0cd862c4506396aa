import Basics

/// Schedules fetches of the key document. Pure: times are parameters, in milliseconds since 1970 UTC.
struct RefreshSchedule: Sendable {
    private let interval: Int64
    private let minimumInterval: Int64
    private var lastAttempt: Int64?
    /// Failed attempts since the last success.
    private var failures = 0

    /// Whether the last attempt failed; retries then come sooner, and no caller waits for them.
    var hasFailed: Bool { failures > 0 }

    init(_ refresh: AccessControlConfiguration.KeyRefresh) {
        interval = refresh.interval.milliseconds
        minimumInterval = refresh.minimumInterval.milliseconds
    }

    /// Returns whether the keys are due for a refresh.
    func isDue(at now: Int64) -> Bool {
        hasPassed(hasFailed ? pauseAfterFailure : interval, at: now)
    }

    /// Returns whether an unknown key may cause a fetch.
    func mayLookForUnknownKey(at now: Int64) -> Bool {
        hasPassed(hasFailed ? pauseAfterFailure : minimumInterval, at: now)
    }

    mutating func attemptStarted(at now: Int64) {
        lastAttempt = now
    }

    mutating func attemptEnded(succeeded: Bool) {
        failures = succeeded ? 0 : failures + 1
    }

    /// Exponential backoff: one second after the first failure, doubled each time, up to the minimum interval.
    private var pauseAfterFailure: Int64 {
        min(minimumInterval, 1000 << Int64(min(failures - 1, 20)))
    }

    /// Treats a clock that was set back as elapsed: an extra request is better than a long time without one.
    private func hasPassed(_ pause: Int64, at now: Int64) -> Bool {
        guard let lastAttempt else { return true }
        return now < lastAttempt || now - lastAttempt >= pause
    }
}
