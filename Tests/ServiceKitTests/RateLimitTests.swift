import Basics
import Synchronization
import TestKit
import Testing

@testable import ServiceKit

@Suite struct RateLimitTests {
    @Test func tenantsDoNotShare() throws {
        let time = Mutex(Duration.zero)
        let limiter = TenantRateLimiter(RateLimit(perMinute: 60, burst: 2)) { time.withLock { $0 } }
        let verdicts = (0..<3).map { _ in limiter.admit(Tenant(generated: "a")) }
        #expect(verdicts.map(\.isAllowed) == [true, true, false])
        #expect(verdicts.map(\.remaining) == [1, 0, 0])
        #expect(verdicts[2].secondsUntilNext == 1)
        #expect(limiter.admit(Tenant(generated: "b")).isAllowed)
        time.withLock { $0 = .seconds(1) }
        #expect(
            limiter.admit(Tenant(generated: "a"))
                == .init(isAllowed: true, remaining: 0, secondsUntilFull: 2, secondsUntilNext: 1)
        )
    }
}
