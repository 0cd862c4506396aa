import Basics
import HTTPAPI
import Synchronization
import TestKit
import Testing

@testable import approval_api

@Suite("The share of the routes for administrators", .timeLimit(.minutes(1))) struct AdministrationShareTests {
    /// How many requests are under way.
    private final class Running: Sendable {
        private let counts = Mutex((now: 0, most: 0))
        var most: Int { counts.withLock { $0.most } }

        func begin() { counts.withLock { $0 = (now: $0.now + 1, most: max($0.most, $0.now + 1)) } }
        func end() { counts.withLock { $0.now -= 1 } }
    }

    private static func code(_ share: AdministrationShare, _ tenant: Tenant) async -> APIError.Code? {
        do {
            try await share.run(for: tenant) {}
            return nil
        } catch {
            return (error as? APIError)?.code
        }
    }

    @Test("a tenant has a burst and a rate, and no other tenant loses by it")
    func rate() async {
        let time = Mutex(Duration.zero)
        let share = AdministrationShare(perSecond: 1, burst: 2, now: { time.withLock { $0 } })
        var codes: [APIError.Code?] = []
        for _ in 0..<3 { codes.append(await Self.code(share, "acme")) }
        #expect(codes == [nil, nil, .rateLimited])
        #expect(await Self.code(share, "globex") == nil)
        time.withLock { $0 = .seconds(1) }
        #expect(await Self.code(share, "acme") == nil)
    }

    @Test("one request of a tenant is under way, a few wait, more are refused, and other tenants do not wait")
    func turns() async throws {
        let share = AdministrationShare(perSecond: 1000, burst: 1000)
        let (running, gate) = (Running(), OneShot<Void>())
        let tasks = (0..<AdministrationShare.maximumOfTenant).map { _ in
            Task {
                try await share.run(for: "acme") {
                    running.begin()
                    try await gate.value()
                    running.end()
                }
            }
        }
        #expect(await eventually { share.count == AdministrationShare.maximumOfTenant })
        #expect(await eventually { share.underWay == 1 }, "those that wait take no place of others")
        #expect(await Self.code(share, "acme") == .rateLimited)
        #expect(await Self.code(share, "globex") == nil)
        gate.settle(())
        for task in tasks { try await task.value }
        #expect(running.most == 1)
        #expect(await Self.code(share, "acme") == nil)
    }
}
