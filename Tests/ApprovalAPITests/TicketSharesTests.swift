import Basics
import ServiceKit
import Synchronization
import TestKit
import Testing

@testable import approval_api

/// One tenant's share of the stream of tickets.
@Suite struct TicketSharesTests {
    @Test func aTenantHasASixteenthAtOnceAndAsMuchAgainInAMinute() {
        let time = Mutex(Duration.zero)
        let shares = TicketShares(now: { time.withLock { $0 } })
        let acme = Fixture.acme, globex: Tenant = "globex"
        let part = Int(TicketStream.maximumBytes / 64)
        for _ in 1...4 { #expect(shares.take(part, of: acme) == nil) }
        // A quarter of the share takes a quarter of a minute.
        #expect(shares.take(part, of: acme).map { (14...16).contains($0) } == true)
        #expect(shares.take(part, of: globex) == nil)
        time.withLock { $0 = .seconds(14) }
        #expect(shares.take(part, of: acme).map { (1...2).contains($0) } == true)
        time.withLock { $0 = .seconds(16) }
        #expect(shares.take(part, of: acme) == nil)
        #expect(shares.take(part, of: acme) != nil)
    }
}
