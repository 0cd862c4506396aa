/// How much of something has come lately, against a rate with a burst: a value that is told the time.
///
/// A leaky bucket: what has come fills it, the rate empties it, and what would make it overflow is not admitted.
package struct RateMeter: Sendable {
    private var level = 0.0
    /// When it was last looked at, in nanoseconds of a monotonic clock.
    private var at: UInt64

    /// - Parameter now: nanoseconds of a monotonic clock, as in all calls.
    package init(now: UInt64) { at = now }

    /// Takes `amount` in if it finds room. Returns whether it did.
    ///
    /// - Parameters:
    ///   - perSecond: how much may come in a second, on average.
    ///   - burst: how much may come at once.
    package mutating func admits(_ amount: Double = 1, perSecond: Double, burst: Double, now: UInt64) -> Bool {
        drain(perSecond: perSecond, now: now)
        guard level + amount <= burst else { return false }
        level += amount
        return true
    }

    /// Whether nothing is left of what came.
    package mutating func isEmpty(perSecond: Double, now: UInt64) -> Bool {
        drain(perSecond: perSecond, now: now)
        return level == 0
    }

    private mutating func drain(perSecond: Double, now: UInt64) {
        guard now > at else { return }
        level = max(0, level - Double(now - at) / 1e9 * perSecond)
        at = now
    }
}
