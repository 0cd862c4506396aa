import Basics

/// Backoff of retries after errors of the read model's file.
///
/// Pauses grow with repeated failures, so that a disk that corrupts data causes few rebuilds, and a full one few writes.
struct StoragePauses {
    private var rebuilding = Backoff(first: .milliseconds(250), longest: .seconds(60))
    private var waiting = Backoff(first: .milliseconds(250), longest: .seconds(5))
    private var last: ContinuousClock.Instant?

    /// Time after which a failure counts as a first one.
    private static let memory: Duration = .seconds(300)

    /// Returns the pause after this failure.
    mutating func pause(after trouble: StorageTrouble, at now: ContinuousClock.Instant = .now) -> Duration {
        if let last, now - last > Self.memory {
            rebuilding.reset()
            waiting.reset()
        }
        last = now
        return trouble.isDamage ? rebuilding.pause() : waiting.pause()
    }
}
