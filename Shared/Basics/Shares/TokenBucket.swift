/// A bucket that fills at an even rate and from which every use takes tokens; one that does not hold enough lets nothing through.
///
/// A use that costs more than the bucket holds is possible when the bucket is full. The bucket then owes the rest, so that the rate holds in the
/// long run. A value; time is the caller's, as a duration since any fixed moment.
public struct TokenBucket: Sendable, Equatable {
    private let capacity: Double
    /// Tokens a second.
    private let rate: Double
    /// Negative while it owes some.
    private var tokens: Double
    private var filledAt: Duration

    /// A full bucket.
    ///
    /// - Parameters:
    ///   - capacity: the most tokens that it holds; greater than 0.
    ///   - rate: tokens a second; greater than 0.
    public init(capacity: Double, perSecond rate: Double, at now: Duration) {
        self.capacity = capacity
        self.rate = rate
        tokens = capacity
        filledAt = now
    }

    /// Takes tokens, all of them or none; whether it did.
    public mutating func take(_ cost: Double = 1, at now: Duration) -> Bool {
        guard allows(cost, at: now) else { return false }
        tokens -= cost
        return true
    }

    /// Whether ``take(_:at:)`` would succeed.
    public mutating func allows(_ cost: Double, at now: Duration) -> Bool {
        fill(at: now)
        return tokens >= min(cost, capacity)
    }

    /// Takes tokens whether they are there or not, down to owing as many as it holds.
    public mutating func charge(_ cost: Double, at now: Duration) {
        fill(at: now)
        tokens = max(min(tokens, -capacity), tokens - cost)
    }

    /// How many whole tokens there are.
    public var remaining: Int { max(0, Int(tokens)) }

    /// In how many seconds, rounded up, so much can be taken; 0 for now.
    public func seconds(until cost: Double = 1) -> Int {
        let missing = min(cost, capacity) - tokens
        return missing <= 0 ? 0 : max(1, Int((missing / rate).rounded(.up)))
    }

    /// In how many seconds, rounded up, it is full again.
    public var secondsUntilFull: Int { Int(((capacity - tokens) / rate).rounded(.up)) }

    /// Whether it is as good as new.
    public mutating func isFull(at now: Duration) -> Bool {
        fill(at: now)
        return tokens >= capacity
    }

    private mutating func fill(at now: Duration) {
        // A clock that was set back fills nothing.
        let elapsed = max(.zero, now - filledAt) / .seconds(1)
        tokens = min(capacity, tokens + elapsed * rate)
        filledAt = max(filledAt, now)
    }
}
