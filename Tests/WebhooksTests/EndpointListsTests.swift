import Basics
import Synchronization
import TestKit
import Testing

@testable import Webhooks

@Suite("Endpoint lists", .timeLimit(.minutes(5))) struct EndpointListsTests {
    /// Counts the readings, and lets them wait.
    private final class Readings: Sendable {
        struct State {
            var begun: [Tenant: Int] = [:]
            var underWay = 0
            var most = 0
        }

        let state = Mutex(State())
        let gate = OneShot<Void>()

        func read(_ tenant: Tenant) async throws -> [EndpointStore.Stored] {
            state.withLock { state in
                state.begun[tenant, default: 0] += 1
                state.underWay += 1
                state.most = max(state.most, state.underWay)
            }
            defer { state.withLock { $0.underWay -= 1 } }
            try await gate.value()
            return []
        }

        func begun(_ tenant: Tenant) -> Int { state.withLock { $0.begun[tenant] ?? 0 } }
    }

    /// Each list costs a request to the bus for each endpoint, and the parsing of each record.
    @Test func aTenantHasOneReadingUnderWayAlsoWhenItsCallersLeave() async throws {
        let readings = Readings()
        let lists = EndpointLists { try await readings.read($0) }
        let callers = (0..<50).map { _ in Task { try await lists.endpoints(of: "acme") } }
        #expect(await eventually { readings.begun("acme") == 1 })
        for caller in callers.prefix(40) { caller.cancel() }
        let others = (0..<50).map { _ in Task { try await lists.endpoints(of: "acme") } }
        let foreign = Task { try await lists.endpoints(of: "globex") }
        #expect(await eventually { readings.begun("globex") == 1 }, "another tenant does not wait")
        #expect(readings.begun("acme") == 1)
        readings.gate.settle(())
        for caller in callers + others + [foreign] { #expect(try await caller.value == []) }
        #expect(readings.state.withLock { $0.most } == 2, "one of each tenant at a time")
        #expect(lists.count == 0)
    }

    @Test func anErrorIsThatOfTheReading() async throws {
        let lists = EndpointLists { _ in throw TestKitError("no bus") }
        await #expect(throws: TestKitError.self) { try await lists.endpoints(of: "acme") }
        #expect(lists.count == 0)
    }
}
