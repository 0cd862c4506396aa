import Basics

/// How long to wait before the read model's file is tried again.
///
/// Pauses grow while it fails again and again, so that a disk that damages whatever is written costs a rebuilding now and then, and one that is
/// full a write now and then.
struct StoragePauses {
    private var rebuilding = Backoff(first: .milliseconds(250), longest: .seconds(60))
    private var waiting = Backoff(first: .milliseconds(250), longest: .seconds(5))
    private var last: ContinuousClock.Instant?

    /// After how long a failure is a new one.
    private static let memory: Duration = .seconds(300)

    /// How long to wait after this failure.
    mutating func pause(after trouble: StorageTrouble, at now: ContinuousClock.Instant = .now) -> Duration {
        if let last, now - last > Self.memory {
            rebuilding.reset()
            waiting.reset()
        }
        last = now
        return trouble.isDamage ? rebuilding.pause() : waiting.pause()
    }
}
