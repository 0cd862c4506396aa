import Testing

@testable import event_producer

@Suite struct BodyBudgetTests {
    private struct Failure: Error {}

    @Test func givesOutWhatThereIsAndTakesItBack() async throws {
        let budget = BodyBudget(bytes: 10)
        let nested = await budget.withReserved(6) {
            (await budget.withReserved(5) { true }, await budget.withReserved(4) { true })
        }
        #expect(nested?.0 == nil)
        #expect(nested?.1 == true)
        #expect(await budget.withReserved(10) { true } == true)
        await #expect(throws: Failure.self) { try await budget.withReserved(10) { throw Failure() } }
        #expect(await budget.withReserved(10) { true } == true, "given back after an error too")
        #expect(await budget.withReserved(11) { true } == nil)
    }

    @Test func tellsWhatIsGivenOut() async throws {
        let budget = BodyBudget(bytes: 10)
        let nested = await budget.withReserved(6) {
            let uses = await budget.withReserved(3) { [budget.use] } ?? []
            _ = await budget.withReserved(5) {}
            return uses + [budget.use]
        }
        #expect(nested == [BodyBudget.Use(requests: 2, bytes: 9), BodyBudget.Use(requests: 1, bytes: 6)])
        await #expect(throws: Failure.self) { try await budget.withReserved(10) { throw Failure() } }
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
