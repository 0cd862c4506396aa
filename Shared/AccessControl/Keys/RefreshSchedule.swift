import Basics

/// When a key document may be fetched again. Pure: times are parameters, in milliseconds since 1970 UTC.
struct RefreshSchedule: Sendable {
    private let interval: Int64
    private let minimumInterval: Int64
    private var lastAttempt: Int64?
    /// Whether the last attempt brought nothing; such a document is asked for again soon, and nobody waits for it.
    private(set) var hasFailed = false

    init(_ refresh: AccessControlConfiguration.KeyRefresh) {
        interval = refresh.interval.milliseconds
        minimumInterval = refresh.minimumInterval.milliseconds
    }

    /// Whether the keys are old enough to be fetched again.
    func isDue(at now: Int64) -> Bool {
        hasPassed(hasFailed ? minimumInterval : interval, at: now)
    }

    /// Whether a token with an unknown key may cause a fetch.
    func mayLookForUnknownKey(at now: Int64) -> Bool {
        hasPassed(minimumInterval, at: now)
    }

    mutating func attemptStarted(at now: Int64) {
        lastAttempt = now
    }

    mutating func attemptEnded(succeeded: Bool) {
        hasFailed = !succeeded
    }

    /// A clock that was set back counts as passed: better one request too many than none for a long time.
    private func hasPassed(_ pause: Int64, at now: Int64) -> Bool {
        guard let lastAttempt else { return true }
        return now < lastAttempt || now - lastAttempt >= pause
    }
}
