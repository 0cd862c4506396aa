import Testing

@testable import EdgeRuntime

@Suite struct LatencyCounterTests {
    @Test(arguments: [(0, 0), (1, 0), (2, 1), (3, 2), (5, 2), (6, 3), (1000, 9), (1001, 10), (10_000, 11)])
    func aLatencyIsCountedInItsBucket(milliseconds: Int64, bucket: Int) {
        let counter = LatencyCounter()
        counter.record(milliseconds: milliseconds)
        var expected = LatencyDistribution()
        expected.counts[bucket] = 1
        expected.sum = Double(milliseconds) / 1000
        #expect(counter.current == expected)
    }

    @Test func whatIsLongerThanTheLastBoundIsCountedApart() {
        let counter = LatencyCounter()
        counter.record(milliseconds: 10_001)
        #expect(counter.current.overflow == 1)
        #expect(counter.current.counts.allSatisfy { $0 == 0 })
    }

    @Test func clocksThatDisagreeCountAsNoTimeAtAll() {
        let counter = LatencyCounter()
        counter.record(milliseconds: -5)
        #expect(counter.current.counts[0] == 1)
        #expect(counter.current.sum == 0)
    }

    @Test func loopsAreAddedUp() {
        let (one, other) = (LoopCounters(), LoopCounters())
        one.latency.record(milliseconds: 4)
        other.latency.record(milliseconds: 4)
        other.latency.record(milliseconds: 20_000)
        one.laggards.set(2)
        other.laggards.set(1)
        one.resumed(.unknownCursor)
        other.resumed(.unknownCursor)
        other.resumed(.live)
        let statistics = EdgeStatistics(summing: [one, other])
        #expect(statistics.latency.counts[2] == 2)
        #expect(statistics.latency.overflow == 1)
        #expect(statistics.laggards == 3)
        #expect(statistics.resumes == ["resumed": 0, "expired": 0, "unknown_cursor": 2])
    }
}
