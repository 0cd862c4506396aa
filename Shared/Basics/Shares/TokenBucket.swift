/// A token bucket: refills at a constant rate; a use takes tokens, or is refused when there are too few.
///
/// A use that costs more than the capacity is allowed when the bucket is full; the bucket then has a negative balance, so that the rate holds in
/// the long run. A value; the caller supplies monotonic time since any fixed instant.
public struct TokenBucket: Sendable, Equatable {
    private let capacity: Double
    /// Tokens per second.
    private let rate: Double
    /// The balance; may be negative.
    private var tokens: Double
    /// In nanoseconds.
    private var filledAt: Int64

    /// Creates a full bucket.
    ///
    /// - Parameters:
    ///   - capacity: Maximum number of tokens; greater than 0.
    ///   - rate: Tokens per second; greater than 0.
    public init(capacity: Double, perSecond rate: Double, at now: Duration) {
        self.capacity = capacity
        self.rate = rate
        tokens = capacity
        filledAt = now.nanoseconds
    }

    /// Takes all the tokens or none; returns whether it did.
    public mutating func take(_ cost: Double = 1, at now: Duration) -> Bool {
        guard allows(cost, at: now) else { return false }
        tokens -= cost
        return true
    }

    /// Returns whether ``take(_:at:)`` would succeed.
    public mutating func allows(_ cost: Double, at now: Duration) -> Bool {
        fill(at: now)
        return tokens >= min(cost, capacity)
    }

    /// Takes tokens unconditionally; the balance may fall to minus the capacity.
    public mutating func charge(_ cost: Double, at now: Duration) {
        fill(at: now)
        tokens = max(min(tokens, -capacity), tokens - cost)
    }

    /// Number of whole tokens.
    public var remaining: Int { max(0, Int(tokens)) }

    /// Returns the number of whole tokens at a time, without changing the bucket.
    public func remaining(at now: Duration) -> Int {
        var bucket = self
        bucket.fill(at: now)
        return bucket.remaining
    }

    /// Returns the seconds, rounded up, until the cost can be taken; 0 for now.
    public func seconds(until cost: Double = 1) -> Int {
        let missing = min(cost, capacity) - tokens
        return missing <= 0 ? 0 : max(1, Int((missing / rate).rounded(.up)))
    }

    /// Seconds, rounded up, until the bucket is full.
    public var secondsUntilFull: Int { Int(((capacity - tokens) / rate).rounded(.up)) }

    /// Returns whether the bucket is full.
    public mutating func isFull(at now: Duration) -> Bool {
        fill(at: now)
        return tokens >= capacity
    }

    private mutating func fill(at now: Duration) {
        // A clock that was set back adds no tokens.
        let elapsed = Double(max(0, now.nanoseconds - filledAt)) / 1e9
        tokens = min(capacity, tokens + elapsed * rate)
        filledAt = max(filledAt, now.nanoseconds)
    }
}
