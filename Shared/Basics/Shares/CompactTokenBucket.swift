/// A token bucket in eight bytes, for a limit that every connection has. Stores only the time at which it is full again (generic cell rate algorithm,
/// ITU-T I.371); the caller passes rate, burst and time. Use ``TokenBucket`` where the balance is needed.
///
/// A use that costs more than the burst is allowed when the bucket is full. A value.
public struct CompactTokenBucket: Sendable, Equatable {
    private var fullAt = MonotonicInstant(nanoseconds: 0)

    /// Creates a full bucket.
    public init() {}

    /// Takes all the tokens or none; returns whether it did.
    ///
    /// - Parameters:
    ///   - count: The number of tokens.
    ///   - rate: Tokens per second; greater than 0.
    ///   - burst: Maximum number of tokens; greater than 0.
    public mutating func take(_ count: Int = 1, perSecond rate: Double, burst: Double, at now: MonotonicInstant) -> Bool {
        let start = max(fullAt, now)
        let owed = Double(start.nanoseconds - now.nanoseconds) / 1e9 * rate
        guard owed + min(Double(count), burst) <= burst else { return false }
        fullAt = start.advanced(by: .nanoseconds(Int64(Double(count) / rate * 1e9)))
        return true
    }
}
