import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

/// The cost of cursor lookups on the bus.
@Suite("Look-ups of cursors", .timeLimit(.minutes(3)))
struct LookupTests {
    /// A log that answers on demand, and counts its requests.
    private final class SlowLog: LogReading {
        let asked = Atomic<Int>(0)
        let isOpen = Atomic<Bool>(false)
        private let log = ListedLog()

        func bounds() async throws(EventLogError) -> LogBounds {
            self.asked.add(1, ordering: .relaxed)
            _ = await eventually { self.isOpen.load(ordering: .relaxed) }
            return try await self.log.bounds()
        }

        func read(_ source: LogSource, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead {
            try await self.log.read(source, after: after, through: through, maxBytes: maxBytes)
        }
        func execution(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTail? { nil }
        func content(at sequence: UInt64) async throws(EventLogError) -> LogPlaceContent { .nothing }
        func firstCursor(of tenant: Tenant, after sequence: UInt64) async throws(EventLogError) -> Cursor? { nil }
    }

    private let log = SlowLog()
    private let fanout = Fanout(epoch: Fixture.epoch, pageBytes: 1 << 20)
    private var history: History { History(log: self.log, tail: LogTail(maxBytes: 1 << 20), chunkBytes: 4096) }

    @Test("clients with the same cursor share the lookup")
    func shared() async throws {
        let history = self.history
        async let answers = withThrowingTaskGroup(of: StreamStart.self) { group in
            for _ in 0..<50 { group.addTask { try await history.start(for: "made up", tenant: "acme", fanout: self.fanout) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(await eventually { self.log.asked.load(ordering: .relaxed) > 0 })
        self.log.isOpen.store(true, ordering: .relaxed)
        let given = try await answers
        #expect(given == Array(repeating: .unknownCursor, count: 50))
        // Single-flight: a client that arrives at the first answer starts a new lookup; concurrent ones share one.
        #expect(self.log.asked.load(ordering: .relaxed) < 50)
    }

    @Test("a tenant has a few look-ups under way at a time, and another one is not held up")
    func turns() async throws {
        let history = self.history
        async let answers: Void = withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask { _ = try await history.start(for: "made up \(number)", tenant: "acme", fanout: self.fanout) }
            }
            try await group.waitForAll()
        }
        #expect(await eventually { self.log.asked.load(ordering: .relaxed) >= 4 })
        async let other = history.start(for: "made up", tenant: "globex", fanout: self.fanout)
        #expect(await eventually { self.log.asked.load(ordering: .relaxed) >= 5 })
        #expect(self.log.asked.load(ordering: .relaxed) == 5)
        self.log.isOpen.store(true, ordering: .relaxed)
        let othersAnswer = try await other
        #expect(othersAnswer == .unknownCursor)
        try await answers
        #expect(self.log.asked.load(ordering: .relaxed) == 51)
    }
}
