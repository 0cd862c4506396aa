/// A bucket that fills at an even rate and from which every request takes a token; empty, it lets nothing through.
///
/// A value; time is the caller's, as a duration since any fixed moment.
struct TokenBucket: Sendable, Equatable {
    private let capacity: Double
    /// Tokens a second.
    private let rate: Double
    private var tokens: Double
    private var filledAt: Duration

    /// A full bucket.
    init(capacity: Int, perSecond rate: Double, at now: Duration) {
        self.capacity = Double(capacity)
        self.rate = rate
        tokens = Double(capacity)
        filledAt = now
    }

    /// Takes a token, if there is one.
    mutating func take(at now: Duration) -> Bool {
        fill(at: now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// How many whole tokens there are.
    var remaining: Int { Int(tokens) }

    /// In how many seconds there is a token again; 0 if there is one.
    var secondsUntilNext: Int { tokens >= 1 ? 0 : Int(((1 - tokens) / rate).rounded(.up)) }

    /// In how many seconds it is full again.
    var secondsUntilFull: Int { Int(((capacity - tokens) / rate).rounded(.up)) }

    /// Whether it is as good as new.
    mutating func isFull(at now: Duration) -> Bool {
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
