import TestKit
import Testing

@testable import event_producer

@Suite struct BodyBudgetTests {
    private struct Failure: Error {}

    @Test func givesOutWhatThereIsAndTakesItBack() async throws {
        let budget = BodyBudget(bytes: 10)
        let nested = await budget.withReserved(6, for: "acme") {
            (await budget.withReserved(5, for: "acme") { true }, await budget.withReserved(4, for: "acme") { true })
        }
        #expect(nested?.0 == nil)
        #expect(nested?.1 == true)
        #expect(await budget.withReserved(10, for: "acme") { true } == true)
        await #expect(throws: Failure.self) { try await budget.withReserved(10, for: "acme") { throw Failure() } }
        #expect(await budget.withReserved(10, for: "acme") { true } == true, "given back after an error too")
        #expect(await budget.withReserved(11, for: "acme") { true } == nil)
    }

    @Test func tellsWhatIsGivenOut() async throws {
        let budget = BodyBudget(bytes: 10)
        let nested = await budget.withReserved(6, for: "acme") {
            let uses = await budget.withReserved(3, for: "acme") { [budget.use] } ?? []
            _ = await budget.withReserved(5, for: "acme") {}
            return uses + [budget.use]
        }
        #expect(nested == [BodyBudget.Use(requests: 2, bytes: 9), BodyBudget.Use(requests: 1, bytes: 6)])
        await #expect(throws: Failure.self) { try await budget.withReserved(10, for: "acme") { throw Failure() } }
        #expect(budget.use == BodyBudget.Use())
    }

    @Test func oneTenantKeepsNobodyElseOut() async {
        let budget = BodyBudget(bytes: 10, share: 4)
        let nested = await budget.withReserved(4, for: "greedy") {
            (await budget.withReserved(1, for: "greedy") { true }, await budget.withReserved(4, for: "other") { true })
        }
        #expect(nested?.0 == nil)
        #expect(nested?.1 == true)
        #expect(await budget.withReserved(4, for: "greedy") { true } == true, "given back")
    }
}
