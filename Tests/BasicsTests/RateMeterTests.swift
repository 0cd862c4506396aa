import Basics
import Testing

@Suite struct RateMeterTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func aBurstAndThenTheRate() {
        var meter = RateMeter(now: 0)
        let first = (0..<100).count { _ in meter.admits(perSecond: 2, burst: 10, now: 0) }
        #expect(first == 10)
        // What was refused does not count.
        let later = (0..<100).count { _ in meter.admits(perSecond: 2, burst: 10, now: 3 * Self.second) }
        #expect(later == 6)
        #expect(!meter.isEmpty(perSecond: 2, now: 7 * Self.second))
        #expect(meter.isEmpty(perSecond: 2, now: 8 * Self.second))
    }

    @Test func aClockThatStandsOrGoesBackGivesNothing() {
        var meter = RateMeter(now: 5 * Self.second)
        #expect(meter.admits(1, perSecond: 1, burst: 1, now: 5 * Self.second))
        #expect(!meter.admits(1, perSecond: 1, burst: 1, now: 2 * Self.second))
        #expect(!meter.admits(1, perSecond: 1, burst: 1, now: 5 * Self.second))
        #expect(meter.admits(1, perSecond: 1, burst: 1, now: 6 * Self.second))
    }
}
