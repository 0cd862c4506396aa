/// A histogram of event latencies.
public struct LatencyDistribution: Sendable, Equatable {
    /// The upper bounds of the buckets, in seconds: from one millisecond, the resolution of an intake's time, to ten seconds.
    public static let bounds: InlineArray<12, Double> = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

    /// The count of each bucket; not cumulative.
    public var counts = [Int](repeating: 0, count: bounds.count)
    /// The count above the last bound.
    public var overflow = 0
    /// The sum of all latencies, in seconds.
    public var sum = 0.0

    static func += (total: inout Self, other: Self) {
        for index in total.counts.indices { total.counts[index] += other.counts[index] }
        total.overflow += other.overflow
        total.sum += other.sum
    }
}

/// Counts latencies on one thread; any thread may read.
struct LatencyCounter: ~Copyable, Sendable {
    private let counts = InlineArray<13, LoopCounter> { _ in LoopCounter() }
    private let milliseconds = LoopCounter()

    /// Adds a latency. Called on the loop's thread only. A negative one, from clocks of two machines, counts as zero.
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

    /// Swift 6.2 treats reading a property of a subscript's borrowed result as consuming; a function with a `borrowing` parameter does not.
    private static func value(of counter: borrowing LoopCounter) -> Int { counter.current }
}
