import Basics
import HTTPAPI
import Synchronization
import TestKit
import Testing

@testable import approval_api

@Suite(.timeLimit(.minutes(2))) struct ReaderSharesTests {
    private static let one = ReaderShares.Holder.tenant("one")
    private static let two = ReaderShares.Holder.tenant("two")

    /// Counts concurrent readers, and releases them on demand.
    private final class Readers: Sendable {
        let gate = OneShot<Void>()
        private let counts = Mutex<(now: Int, most: Int, done: Int)>((0, 0, 0))

        var now: Int { counts.withLock { $0.now } }
        var most: Int { counts.withLock { $0.most } }
        var done: Int { counts.withLock { $0.done } }

        func read() async throws {
            counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.done) }
            try await gate.value()
            counts.withLock { $0 = ($0.now - 1, $0.most, $0.done + 1) }
        }
    }

    /// Which readers were admitted.
    private final class Admitted: Sendable {
        private let names = Mutex<[String]>([])

        var all: [String] { names.withLock { $0 } }

        func append(_ name: String) { names.withLock { $0.append(name) } }
    }

    @Test func oneTenantHasHalfOfThemAndTheOthersTheRest() async throws {
        let shares = ReaderShares(readers: 4)
        let readers = Readers()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { try await shares.read(for: Self.one) { try await readers.read() } } }
            #expect(await eventually { readers.now == 2 && shares.waitingCount == 48 })
            // Another tenant does not wait behind the 48.
            #expect(try await shares.read(for: Self.two) { readers.done } == 0)
            #expect(try await shares.read(for: .process) { readers.done } == 0)
            readers.gate.settle(())
            try await group.waitForAll()
        }
        #expect(readers.most == 2 && readers.done == 50)
        #expect(shares.waitingCount == 0)
    }

    /// The readers that are admitted stay, so that no thread that is late changes what is seen.
    @Test func tenantsHaveTheirTurns() async throws {
        let shares = ReaderShares(readers: 2)
        let first = Readers()
        let next = Readers()
        let admitted = Admitted()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for holder in [Self.one, .process] { group.addTask { try await shares.read(for: holder) { try await first.read() } } }
            #expect(await eventually { first.now == 2 })
            for _ in 0..<20 {
                group.addTask {
                    try await shares.read(for: Self.one) {
                        admitted.append("one")
                        try await next.read()
                    }
                }
            }
            #expect(await eventually { shares.waitingCount == 20 })
            group.addTask {
                try await shares.read(for: Self.two) {
                    admitted.append("two")
                    try await next.read()
                }
            }
            #expect(await eventually { shares.waitingCount == 21 })
            first.gate.settle(())
            #expect(await eventually { next.now == 2 })
            #expect(admitted.all.sorted() == ["one", "two"])
            next.gate.settle(())
            try await group.waitForAll()
        }
    }

    @Test func aTenantThatWaitsTooOftenIsTold() async throws {
        let shares = ReaderShares(readers: 2, waiting: 3)
        let readers = Readers()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { try await shares.read(for: Self.one) { try await readers.read() } } }
            #expect(await eventually { shares.waitingCount == 3 })
            let error = await #expect(throws: APIError.self) { try await shares.read(for: Self.one) {} }
            #expect(error?.code == .rateLimited)
            try await shares.read(for: Self.two) {}
            readers.gate.settle(())
            try await group.waitForAll()
        }
    }

    /// Waits cancelled at any time leak no reader.
    @Test func cancelledWaitsTakeNothing() async throws {
        let shares = ReaderShares(readers: 2)
        for round in 0..<200 {
            let readers = Readers()
            let tasks = (0..<6).map { index in
                Task { try await shares.read(for: index.isMultiple(of: 2) ? Self.one : Self.two) { try await readers.read() } }
            }
            if round.isMultiple(of: 2) { #expect(await eventually { readers.now == 2 }) }
            for task in tasks.shuffled() { task.cancel() }
            readers.gate.settle(())
            for task in tasks { _ = try? await task.value }
        }
        #expect(shares.waitingCount == 0)
        let readers = Readers()
        async let one: Void = shares.read(for: Self.one) { try await readers.read() }
        async let two: Void = shares.read(for: Self.two) { try await readers.read() }
        #expect(await eventually { readers.now == 2 })
        readers.gate.settle(())
        _ = try await (one, two)
    }
}
