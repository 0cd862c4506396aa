import Basics
import Synchronization
import TestKit
import Testing

@Suite("Single-flight", .timeLimit(.minutes(5))) struct SingleFlightTests {
    /// An operation that ends on demand, with the number of its run.
    private final class Held: Sendable {
        private let runs = Mutex<[OneShot<Int>]>([])

        var started: Int { runs.withLock { $0.count } }

        func run() async throws -> Int {
            let run = runs.withLock { runs in
                runs.append(OneShot())
                return runs[runs.count - 1]
            }
            return try await run.value()
        }

        func end(run number: Int) {
            runs.withLock { $0[number - 1] }.settle(number)
        }
    }

    private struct Failure: Error, Equatable {
        let number: Int
    }

    @Test func callsThatComeMeanwhileShareTheNextRun() async throws {
        let operation = Held()
        let flight = SingleFlight { try await operation.run() }
        let first = Task { try await flight.value() }
        #expect(await eventually { operation.started == 1 })
        let others = (0..<10).map { _ in Task { try await flight.value() } }
        #expect(await eventually { flight.waiterCount == 10 })
        operation.end(run: 1)
        #expect(try await first.value == 1)
        #expect(await eventually { operation.started == 2 })
        let last = Task { try await flight.value() }
        #expect(await eventually { flight.waiterCount == 1 })
        operation.end(run: 2)
        for other in others { #expect(try await other.value == 2) }
        #expect(await eventually { operation.started == 3 })
        operation.end(run: 3)
        #expect(try await last.value == 3)
        #expect(operation.started == 3)
    }

    @Test func aCallAfterARunStartsAnother() async throws {
        let count = Atomic(0)
        let flight = SingleFlight { count.add(1, ordering: .relaxed).newValue }
        #expect(try await flight.value() == 1)
        #expect(try await flight.value() == 2)
        #expect(try await flight.joined() == 3)
    }

    @Test func joinedCallsShareTheRunUnderWay() async throws {
        let operation = Held()
        let flight = SingleFlight { try await operation.run() }
        let first = Task { try await flight.joined() }
        #expect(await eventually { operation.started == 1 })
        let other = Task { try await flight.joined() }
        #expect(await eventually { flight.joinedCount == 2 })
        operation.end(run: 1)
        #expect(try await first.value == 1)
        #expect(try await other.value == 1)
        #expect(operation.started == 1)
    }

    @Test func aFailureIsToldToThoseWhoSharedTheRun() async throws {
        let count = Atomic(0)
        let flight = SingleFlight { () throws -> Int in throw Failure(number: count.add(1, ordering: .relaxed).newValue) }
        await #expect(throws: Failure(number: 1)) { try await flight.value() }
        await #expect(throws: Failure(number: 2)) { try await flight.value() }
    }

    @Test func aCancelledCallLeavesTheRunToTheOthers() async throws {
        let operation = Held()
        let flight = SingleFlight { try await operation.run() }
        let first = Task { try await flight.value() }
        #expect(await eventually { operation.started == 1 })
        let impatient = Task { try await flight.value() }
        let patient = Task { try await flight.value() }
        #expect(await eventually { flight.waiterCount == 2 })
        first.cancel()
        impatient.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        await #expect(throws: CancellationError.self) { try await impatient.value }
        #expect(operation.started == 1)
        operation.end(run: 1)
        #expect(await eventually { operation.started == 2 })
        operation.end(run: 2)
        #expect(try await patient.value == 2)
    }

    /// A result is never older than its call, however calls and runs fall together.
    @Test func noResultIsOlderThanItsCall() async throws {
        let clock = Clock()
        let flight = SingleFlight { () -> Int in
            let began = clock.now
            await Task.yield()
            return began
        }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<200 {
                        let called = clock.tick()
                        guard let result = try? await flight.value(), result >= called else { return false }
                    }
                    return true
                }
            }
            for await isYounger in group { #expect(isYounger) }
        }
    }

    private final class Clock: Sendable {
        private let time = Atomic(0)

        var now: Int { time.load(ordering: .sequentiallyConsistent) }

        func tick() -> Int { time.add(1, ordering: .sequentiallyConsistent).newValue }
    }
}
