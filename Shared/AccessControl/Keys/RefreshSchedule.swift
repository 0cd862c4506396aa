import Basics

/// When a key document may be fetched again. Pure: times are parameters, in milliseconds since 1970 UTC.
struct RefreshSchedule: Sendable {
    private let interval: Int64
    private let minimumInterval: Int64
    private var lastAttempt: Int64?
    /// Attempts since the last one that brought something.
    private var failures = 0

    /// Whether the last attempt brought nothing; such a document is asked for again soon, and nobody waits for it.
    var hasFailed: Bool { failures > 0 }

    init(_ refresh: AccessControlConfiguration.KeyRefresh) {
        interval = refresh.interval.milliseconds
        minimumInterval = refresh.minimumInterval.milliseconds
    }

    /// Whether the keys are old enough to be fetched again.
    func isDue(at now: Int64) -> Bool {
        hasPassed(hasFailed ? pauseAfterFailure : interval, at: now)
    }

    /// Whether a token with an unknown key may cause a fetch.
    func mayLookForUnknownKey(at now: Int64) -> Bool {
        hasPassed(hasFailed ? pauseAfterFailure : minimumInterval, at: now)
    }

    mutating func attemptStarted(at now: Int64) {
        lastAttempt = now
    }

    mutating func attemptEnded(succeeded: Bool) {
        failures = succeeded ? 0 : failures + 1
    }

    /// One second after the first failure, twice as long after each further one, at most the least interval of successes.
    private var pauseAfterFailure: Int64 {
        min(minimumInterval, 1000 << Int64(min(failures - 1, 20)))
    }

    /// A clock that was set back counts as passed: better one request too many than none for a long time.
    private func hasPassed(_ pause: Int64, at now: Int64) -> Bool {
        guard let lastAttempt else { return true }
        return now < lastAttempt || now - lastAttempt >= pause
    }
}
