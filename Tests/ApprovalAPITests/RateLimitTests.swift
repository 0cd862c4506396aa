import Basics
import Synchronization
import TestKit
import Testing

@testable import approval_api

@Suite struct RateLimitTests {
    @Test func aBucketFillsEvenly() {
        var bucket = TokenBucket(capacity: 3, perSecond: 2, at: .zero)
        var taken = (0..<5).map { _ in bucket.take(at: .zero) }
        #expect(taken == [true, true, true, false, false])
        #expect(bucket.remaining == 0)
        #expect(bucket.secondsUntilNext == 1)
        #expect(bucket.secondsUntilFull == 2)
        taken = [bucket.take(at: .milliseconds(499)), bucket.take(at: .milliseconds(500)), bucket.take(at: .milliseconds(500))]
        #expect(taken == [false, true, false])
        taken = (0..<4).map { _ in bucket.take(at: .seconds(100)) }
        #expect(taken == [true, true, true, false], "it never holds more than its size")
        let isTaken = bucket.take(at: .seconds(50))
        #expect(!isTaken, "a clock that goes back fills nothing")
    }

    @Test func tenantsDoNotShare() throws {
        let time = Mutex(Duration.zero)
        let limiter = try #require(RateLimiter(RateLimit(perMinute: 60, burst: 2)) { time.withLock { $0 } })
        let verdicts = (0..<3).map { _ in limiter.admit(tenant: Tenant(generated: "a")) }
        #expect(verdicts.map(\.isAllowed) == [true, true, false])
        #expect(verdicts.map(\.remaining) == [1, 0, 0])
        #expect(verdicts[2].secondsUntilNext == 1)
        #expect(limiter.admit(tenant: Tenant(generated: "b")).isAllowed)
        time.withLock { $0 = .seconds(1) }
        #expect(
            limiter.admit(tenant: Tenant(generated: "a"))
                == .init(isAllowed: true, limit: 60, remaining: 0, secondsUntilFull: 2, secondsUntilNext: 1)
        )
    }

    @Test func manyTenantsAreForgottenOnceTheyRest() throws {
        let time = Mutex(Duration.zero)
        let limiter = try #require(RateLimiter(RateLimit(perMinute: 60, burst: 1)) { time.withLock { $0 } })
        for index in 0..<10_000 { _ = limiter.admit(tenant: Tenant(generated: "t\(index)")) }
        #expect(!limiter.admit(tenant: Tenant(generated: "t1")).isAllowed)
        time.withLock { $0 = .seconds(2) }
        #expect(limiter.admit(tenant: Tenant(generated: "new")).isAllowed)
        #expect(limiter.count == 1)
    }

    @Test func noLimitNoLimiter() {
        #expect(RateLimiter(nil) == nil)
    }
}
