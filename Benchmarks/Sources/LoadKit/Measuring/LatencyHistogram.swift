/// Histogram of durations, with buckets at most 1/32 of their value wide: precise enough for percentiles, some nanoseconds per record.
struct LatencyHistogram: Sendable {
    private static let stepBits = 5
    private static let steps = 1 << stepBits
    private static let bucketCount = (64 - stepBits + 1) << stepBits

    private var buckets = [Int](repeating: 0, count: bucketCount)
    /// Number of recorded durations.
    private(set) var count = 0
    /// The longest duration, exact; nanoseconds.
    private(set) var maximum: UInt64 = 0

    /// Records a duration in nanoseconds.
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

    /// Returns the quantile `share` (0…1), rounded up to the end of its bucket but at most the maximum; nanoseconds, 0 without durations.
    func quantile(_ share: Double) -> UInt64 {
        let rank = min(count, max(1, Int((Double(count) * share).rounded(.up))))
        var seen = 0
        for (index, bucket) in buckets.enumerated() where bucket > 0 {
            seen += bucket
            if seen >= rank { return min(Self.upperBound(of: index), maximum) }
        }
        return 0
    }

    /// Returns the bucket of a value: one per value below 32, then 32 per power of two.
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
