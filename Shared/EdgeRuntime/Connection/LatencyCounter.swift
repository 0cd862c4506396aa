/// How long events were on their way, as counts of buckets.
public struct LatencyDistribution: Sendable, Equatable {
    /// The buckets' upper bounds, in seconds: from a millisecond, which is what an intake's time is exact to, to ten seconds.
    public static let bounds: InlineArray<12, Double> = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

    /// How many were in each bucket, and above the one before it.
    public var counts = [Int](repeating: 0, count: bounds.count)
    /// How many took longer than the last bound.
    public var overflow = 0
    /// The sum of all, in seconds.
    public var sum = 0.0

    static func += (total: inout Self, other: Self) {
        for index in total.counts.indices { total.counts[index] += other.counts[index] }
        total.overflow += other.overflow
        total.sum += other.sum
    }
}

/// Counts the latencies that one thread measures; any thread reads.
struct LatencyCounter: ~Copyable, Sendable {
    private let counts = InlineArray<13, LoopCounter> { _ in LoopCounter() }
    private let milliseconds = LoopCounter()

    /// Adds a latency. Only the loop's thread calls it. A negative one, which clocks of two machines can make, counts as none.
    func record(milliseconds latency: Int64) {
        let latency = max(0, latency)
        let seconds = Double(latency) / 1000
        let bounds = LatencyDistribution.bounds
        self.counts[bounds.indices.first { seconds <= bounds[$0] } ?? bounds.count].add(1)
        self.milliseconds.add(Int(latency))
    }

    var current: LatencyDistribution {
        var distribution = LatencyDistribution()
        for index in distribution.counts.indices { distribution.counts[index] = Self.value(of: self.counts[index]) }
        distribution.overflow = Self.value(of: self.counts[distribution.counts.count])
        distribution.sum = Double(self.milliseconds.current) / 1000
        return distribution
    }

    /// Swift 6.2 takes reading a property of what a subscript lends for consuming it; a function that borrows does not.
    private static func value(of counter: borrowing LoopCounter) -> Int { counter.current }
}
