import Testing

@testable import Basics

@Suite struct RateMeterTests {
    private static let second: UInt64 = 1_000_000_000

    @Test func admitsABurstAndThenTheRate() {
        var meter = RateMeter(now: 0)
        let atOnce = (0..<100).count { _ in meter.admits(perSecond: 2, burst: 10, now: 0) }
        #expect(atOnce == 10)
        let later = (0..<100).count { _ in meter.admits(perSecond: 2, burst: 10, now: 3 * Self.second) }
        #expect(later == 6)
        let empty = [7, 8].map { meter.isEmpty(perSecond: 2, now: $0 * Self.second) }
        #expect(empty == [false, true])
    }

    @Test func aClockThatStandsOrGoesBackGivesNothing() {
        var meter = RateMeter(now: 5 * Self.second)
        let admitted = [5, 2, 5].map { meter.admits(1, perSecond: 1, burst: 1, now: $0 * Self.second) }
        #expect(admitted == [true, false, false])
    }
}
