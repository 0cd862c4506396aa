/// A limit of a rate in eight bytes, for limits that each of many connections has: a token bucket as the generic cell rate algorithm keeps it (ITU-T I.371),
/// by the time at which it is full again. A ``TokenBucket`` also tells what is left.
///
/// A use that costs more than the burst is allowed when nothing is owed. A value; the caller supplies the time.
public struct PaceLimit: Sendable, Equatable {
    private var fullAt = MonotonicInstant(nanoseconds: 0)

    /// Creates a limit of which nothing is used.
    public init() {}

    /// Takes uses, or none of them; returns whether it did.
    ///
    /// - Parameters:
    ///   - count: The number of uses.
    ///   - rate: Uses a second; greater than 0.
    ///   - burst: The most uses at once; greater than 0.
    public mutating func take(_ count: Int = 1, perSecond rate: Double, burst: Double, at now: MonotonicInstant) -> Bool {
        let start = max(fullAt, now)
        let owed = Double(start.nanoseconds - now.nanoseconds) / 1e9 * rate
        guard owed + min(Double(count), burst) <= burst else { return false }
        fullAt = start.advanced(by: .nanoseconds(Int64(Double(count) / rate * 1e9)))
        return true
    }
}
