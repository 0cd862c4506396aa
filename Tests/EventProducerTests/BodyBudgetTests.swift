import HTTPAPI
import HTTPTypes
import TestKit
import Testing

@testable import event_producer

@Suite struct BodyBudgetTests {
    private struct Failure: Error {}

    @Test func givesOutWhatThereIsAndTakesItBack() async throws {
        let budget = BodyBudget(bytes: 10)
        let isReserved = try await budget.withReserved(6, for: "acme") {
            await #expect(throws: BodyBudget.Shortage.budget) { try await budget.withReserved(5, for: "acme") {} }
            return try await budget.withReserved(4, for: "acme") { true }
        }
        #expect(isReserved)
        #expect(try await budget.withReserved(10, for: "acme") { true })
        await #expect(throws: Failure.self) { try await budget.withReserved(10, for: "acme") { throw Failure() } }
        #expect(try await budget.withReserved(10, for: "acme") { true }, "given back after an error too")
        await #expect(throws: BodyBudget.Shortage.budget) { try await budget.withReserved(11, for: "acme") {} }
    }

    @Test func tellsWhatIsGivenOut() async throws {
        let budget = BodyBudget(bytes: 10)
        let nested = try await budget.withReserved(6, for: "acme") {
            let uses = try await budget.withReserved(3, for: "acme") { [budget.use] }
            _ = try? await budget.withReserved(5, for: "acme") {}
            return uses + [budget.use]
        }
        #expect(nested == [BodyBudget.Use(requests: 2, bytes: 9), BodyBudget.Use(requests: 1, bytes: 6)])
        await #expect(throws: Failure.self) { try await budget.withReserved(10, for: "acme") { throw Failure() } }
        #expect(budget.use == BodyBudget.Use())
    }

    @Test func oneTenantKeepsNobodyElseOutAndIsToldThatItIsItsOwnShare() async throws {
        let budget = BodyBudget(bytes: 10, share: 4)
        let others = try await budget.withReserved(4, for: "greedy") {
            await #expect(throws: BodyBudget.Shortage.share) { try await budget.withReserved(1, for: "greedy") {} }
            return try await budget.withReserved(4, for: "other") {
                await #expect(throws: BodyBudget.Shortage.budget) { try await budget.withReserved(3, for: "third") {} }
                return true
            }
        }
        #expect(others)
        #expect(try await budget.withReserved(4, for: "greedy") { true }, "given back")
    }

    /// Exceeding a tenant's share is a 429, exceeding the total a 503; both are retriable (contract §1).
    @Test(arguments: [(.share, .tooManyRequests), (.budget, .serviceUnavailable)] as [(BodyBudget.Shortage, HTTPResponse.Status)])
    func aShortageIsAnswered(shortage: BodyBudget.Shortage, status: HTTPResponse.Status) {
        let error = APIError(shortage)
        #expect(error.status == status)
        #expect(error.headers[.retryAfter] == "1")
    }
}
