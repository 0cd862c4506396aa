/// Durations by size, in buckets at most 1/32 of their value wide: enough for a percentile, and a few nanoseconds to record one.
struct LatencyHistogram: Sendable {
    private static let stepBits = 5
    private static let steps = 1 << stepBits
    private static let bucketCount = (64 - stepBits + 1) << stepBits

    private var buckets = [Int](repeating: 0, count: bucketCount)
    /// How many durations were recorded.
    private(set) var count = 0
    /// The longest, exactly; nanoseconds.
    private(set) var maximum: UInt64 = 0

    /// Adds a duration in nanoseconds.
    mutating func record(_ nanoseconds: UInt64) {
        buckets[Self.bucket(of: nanoseconds)] += 1
        count += 1
        maximum = max(maximum, nanoseconds)
    }

    mutating func merge(_ other: LatencyHistogram) {
        for index in buckets.indices { buckets[index] += other.buckets[index] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    /// The least duration that `share` (0…1) of all do not exceed, rounded up to its bucket's end but never above the maximum;
    /// nanoseconds, 0 when nothing was recorded.
    func quantile(_ share: Double) -> UInt64 {
        let rank = min(count, max(1, Int((Double(count) * share).rounded(.up))))
        var seen = 0
        for (index, bucket) in buckets.enumerated() where bucket > 0 {
            seen += bucket
            if seen >= rank { return min(Self.upperBound(of: index), maximum) }
        }
        return 0
    }

    /// Values below 32 have a bucket each; above, each power of two has 32.
    private static func bucket(of value: UInt64) -> Int {
        guard value >= UInt64(steps) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount - stepBits
        return ((exponent + 1) << stepBits) + Int(value >> UInt64(exponent)) - steps
    }

    private static func upperBound(of bucket: Int) -> UInt64 {
        guard bucket >= steps else { return UInt64(bucket) }
        let exponent = UInt64((bucket >> stepBits) - 1)
        let mantissa = UInt64((bucket & (steps - 1)) + steps)
        return ((mantissa + 1) << exponent) &- 1
    }
}
