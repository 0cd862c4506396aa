import Basics
import Testing

@Suite struct CompactTokenBucketTests {
    private static let start = MonotonicInstant(nanoseconds: 1)

    private func after(_ milliseconds: Int) -> MonotonicInstant { Self.start.advanced(by: .milliseconds(milliseconds)) }

    @Test(arguments: [1, 3, 50, 1000] as [Double])
    func aBurstIsAllowedAndThenTheRate(rate: Double) {
        var limit = CompactTokenBucket()
        for _ in 0..<7 { #expect(limit.take(perSecond: rate, burst: 7, at: Self.start) == true) }
        #expect(limit.take(perSecond: rate, burst: 7, at: Self.start) == false)
        let one = Self.start.advanced(by: .nanoseconds(Int64((1e9 / rate).rounded(.up))))
        #expect(limit.take(perSecond: rate, burst: 7, at: one) == true)
        #expect(limit.take(perSecond: rate, burst: 7, at: one) == false)
    }

    @Test func aRefusedUseCostsNothing() {
        var limit = CompactTokenBucket()
        #expect(limit.take(4, perSecond: 1, burst: 5, at: Self.start) == true)
        for _ in 0..<100 { #expect(limit.take(2, perSecond: 1, burst: 5, at: Self.start) == false) }
        #expect(limit.take(1, perSecond: 1, burst: 5, at: Self.start) == true)
    }

    @Test func moreThanTheBurstIsAllowedOnceAndPaidFor() {
        var limit = CompactTokenBucket()
        #expect(limit.take(20, perSecond: 10, burst: 5, at: Self.start) == true)
        #expect(limit.take(perSecond: 10, burst: 5, at: after(1500)) == false)
        #expect(limit.take(perSecond: 10, burst: 5, at: after(1600)) == true)
    }

    @Test func nothingIsSavedBeyondTheBurst() {
        var limit = CompactTokenBucket()
        #expect(limit.take(5, perSecond: 10, burst: 5, at: Self.start) == true)
        #expect(limit.take(5, perSecond: 10, burst: 5, at: after(100_000)) == true)
        #expect(limit.take(perSecond: 10, burst: 5, at: after(100_000)) == false)
    }

    @Test func aClockThatWasAheadAddsNothing() {
        var limit = CompactTokenBucket()
        #expect(limit.take(5, perSecond: 10, burst: 5, at: after(1000)) == true)
        #expect(limit.take(perSecond: 10, burst: 5, at: Self.start) == false)
    }
}
