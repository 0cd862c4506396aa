import Basics
import Synchronization
import TestKit
import Testing

/// A clock set by the test.
private final class Clock: Sendable {
    private let time = Mutex(Duration.zero)
    var now: @Sendable () -> Duration { { self.time.withLock { $0 } } }

    func advance(_ duration: Duration) { time.withLock { $0 += duration } }
}

@Suite struct SharesTests {
    @Test func aBucketFillsEvenly() {
        var bucket = TokenBucket(capacity: 3, perSecond: 2, at: .zero)
        var taken = (0..<5).map { _ in bucket.take(at: .zero) }
        #expect(taken == [true, true, true, false, false])
        #expect(bucket.remaining == 0)
        #expect(bucket.seconds() == 1)
        #expect(bucket.secondsUntilFull == 2)
        taken = [bucket.take(at: .milliseconds(499)), bucket.take(at: .milliseconds(500)), bucket.take(at: .milliseconds(500))]
        #expect(taken == [false, true, false])
        taken = (0..<4).map { _ in bucket.take(at: .seconds(100)) }
        #expect(taken == [true, true, true, false], "it never holds more than its size")
        let isTaken = bucket.take(at: .seconds(50))
        #expect(!isTaken, "a clock that goes back fills nothing")
    }

    @Test func aBucketTakesAllOrNothing() {
        var bucket = TokenBucket(capacity: 10, perSecond: 1, at: .zero)
        let taken = [bucket.take(6, at: .zero), bucket.take(5, at: .zero), bucket.take(4, at: .zero)]
        #expect(taken == [true, false, true])
        #expect(bucket.seconds(until: 5) == 5)
        #expect(bucket.seconds(until: 100) == 10, "as soon as it is full")
    }

    @Test func whatIsLargerThanAFullBucketIsTakenFromAFullOneAndOwed() {
        var bucket = TokenBucket(capacity: 10, perSecond: 1, at: .zero)
        var taken = [bucket.take(25, at: .zero), bucket.take(1, at: .seconds(15))]
        #expect(taken == [true, false])
        #expect(bucket.seconds() == 1)
        taken = [bucket.take(1, at: .seconds(16)), bucket.take(25, at: .seconds(16)), bucket.take(25, at: .seconds(26))]
        #expect(taken == [true, false, true])
    }

    @Test func aChargeIsOwedUpToOneBucket() {
        var bucket = TokenBucket(capacity: 10, perSecond: 1, at: .zero)
        for _ in 0..<100 { bucket.charge(7, at: .zero) }
        #expect(bucket.remaining == 0)
        #expect(bucket.seconds() <= 18)
    }

    @Test func manyTenantsAreForgottenOnceTheyRest() {
        let clock = Clock()
        let limiter = TenantRateLimiter(perSecond: 1, burst: 1, now: clock.now)
        for index in 0..<10_000 { _ = limiter.admit(Tenant(generated: "t\(index)")) }
        #expect(!limiter.admit(Tenant(generated: "t1")).isAllowed)
        clock.advance(.seconds(2))
        #expect(limiter.admit(Tenant(generated: "new")).isAllowed)
        #expect(limiter.count == 1)
    }

    @Test func howeverManyTenantsComeAtOnceMemoryIsBounded() {
        let clock = Clock()
        let limiter = TenantRateLimiter(perSecond: 1, burst: 1, now: clock.now)
        for index in 0..<TenantBuckets.maximumCount + 1000 { _ = limiter.admit(Tenant(generated: "t\(index)")) }
        #expect(limiter.count <= TenantBuckets.maximumCount)
    }

    @Test func whatATenantHasLeftIsReadWithoutTakingIt() {
        let clock = Clock()
        let limiter = TenantRateLimiter(perSecond: 1, burst: 5, now: clock.now)
        #expect(limiter.remaining(of: "a") == 5 && limiter.count == 0, "a tenant that never asked has no bucket")
        for _ in 0..<4 { _ = limiter.admit("a") }
        #expect(limiter.remaining(of: "a") == 1 && limiter.remaining(of: "a") == 1 && limiter.remaining(of: "b") == 5)
        clock.advance(.seconds(2))
        #expect(limiter.remaining(of: "a") == 3)
        clock.advance(.seconds(60))
        #expect(limiter.remaining(of: "a") == 5)
    }

    @Test func theUsageOfOneTenantIsThatOfTheLastMinute() {
        let clock = Clock()
        let usage = TenantUsage(now: clock.now)
        usage.add(60, of: "a")
        #expect(usage.amount(of: "a") == 60 && usage.amount(of: "b") == 0)
        clock.advance(.seconds(90))
        usage.add(5, of: "a")
        #expect(usage.amount(of: "a") == 35, "half of the window before lies in the last minute")
        clock.advance(.seconds(120))
        #expect(usage.amount(of: "a") == 0)
    }

    /// All addresses that one client has are one.
    @Test func aClientIsOneNetworkWhateverItsAddress() {
        func isSame(_ one: String, _ other: String) -> Bool { ClientNetwork(one) == ClientNetwork(other) }
        #expect(isSame("2001:db8::1", "2001:db8:0:0:f::2") && !isSame("2001:db8::1", "2001:db8:0:1::1"))
        #expect(isSame("192.0.2.1", "::ffff:192.0.2.1") && !isSame("192.0.2.1", "192.0.2.2") && !isSame("32.1.13.184", "2001:db8::1"))
        for text in ["", "1.2.3", "host", "1.2.3.4:5", "[::1]", "::1%lo"] { #expect(ClientNetwork(text) == nil, "\(text)") }
    }

    @Test func theLargestTenantsAreNamedAndTheOthersSummed() {
        let clock = Clock()
        let usage = TenantUsage(now: clock.now)
        for index in 1...5 { usage.add(index, of: Tenant(generated: "t\(index)")) }
        let largest = usage.largest(2)
        #expect(largest.tenants.map(\.tenant.text) == ["t5", "t4"])
        #expect(largest.tenants.map(\.amount) == [5, 4])
        #expect(largest.others == 6)
        clock.advance(.seconds(90))
        #expect(usage.largest(1).tenants.map(\.amount) == [2], "half of the minute lies in the last one")
        clock.advance(.seconds(60))
        #expect(usage.largest(1).tenants.isEmpty && usage.largest(1).others == 0)
    }
}
