import Basics
import EventLog
import EventModel
import HTTPAPI
import ServiceKit
import Synchronization
import TestKit
import Testing

@testable import approval_api

/// Each tenant's shares of streams that all tenants use.
@Suite(.timeLimit(.minutes(5))) struct ByteSharesTests {
    @Test func aTenantHasASixteenthOfTheTicketsAtOnceAndAsMuchAgainInAMinute() {
        let time = Mutex(Duration.zero)
        let shares = TenantByteShares.ofTickets(now: { time.withLock { $0 } })
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

    @Test func aTenantHasAnEighthOfTheRecordsForWhatItsPeopleWrite() throws {
        var log = EventLogConfiguration()
        let limit = try #require(log.approvalsMaxBytes)
        let limited = TenantByteShares.ofVotes(log, now: { .zero })
        let shares = try #require(limited)
        #expect(shares.take(Int(limit / 8), of: Fixture.acme) == nil)
        #expect(shares.take(1, of: Fixture.acme) != nil)
        #expect(shares.take(1, of: "globex") == nil)
        log.approvalsMaxBytes = nil
        #expect(TenantByteShares.ofVotes(log) == nil)
    }

    /// A vote counts once, and the reason of a decision; beyond the share of the tenant they are refused, and nothing is stored.
    @Test func votesAndReasonsBeyondTheShareAreRefused() async throws {
        let shares = TenantByteShares(4096, in: .seconds(3600), now: { .zero })
        let bench = try await ApprovalBench(shares: shares)
        let reason = String(repeating: "x", count: 1000)
        try await bench.request("voted", #","groups":[{"name":"security","roles":["sec"],"n":3}]"#)
        try await bench.request("decided")
        func vote(_ user: String, _ reason: String? = nil) async throws -> DecisionService.Outcome {
            try await bench.decide("voted", by: user, roles: ["sec"], reason: reason)
        }
        func isRefused(_ body: () async throws -> DecisionService.Outcome) async -> Bool {
            let error = await #expect(throws: APIError.self) { _ = try await body() }
            return error?.code == .rateLimited
        }
        let first = try await vote("ann", reason)
        #expect(await isRefused { try await vote("bob", reason) })
        #expect(try await bench.record(.vote(approvalID: "voted", voter: "bob")) == nil)
        #expect(try await vote("ann", reason) == first, "the same vote again takes nothing")
        guard case .voted = try await vote("bob") else { throw TestKitError("a vote without a reason fits") }
        // Stored as six bytes each.
        let escaped = String(repeating: "\u{1}", count: 300)
        #expect(await isRefused { try await bench.decide("decided", by: "zoe", roles: ["admin"], reason: escaped) })
        #expect(try await bench.record(.decision(approvalID: "decided")) == nil)
        guard case .decided = try await bench.decide("decided", by: "zoe", roles: ["admin"]) else {
            throw TestKitError("the intake has charged the decision itself")
        }
        #expect(shares.take(4096, of: "globex") == nil)
    }
}
