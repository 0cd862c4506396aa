import Basics
import EventLog
import EventModel
import Foundation
import Synchronization
import TestKit
import Testing

/// Prints throughput figures, without assertions; the build is a debug build by default. Few events unless
/// `DRILL` is set, because other tests run at the same time.
@Suite(.timeLimit(.minutes(3)), .serialized) struct ThroughputTests {
    private static let isDrill = ProcessInfo.processInfo.environment["DRILL"] != nil
    private static let count = isDrill ? 20_000 : 2_000
    private static let producers = 64
    private static let perProducer = isDrill ? 50 : 5

    private static func show(_ what: String, _ count: Int, _ elapsed: Duration) {
        let seconds = elapsed / .seconds(1)
        print("\(what): \(count) in \(elapsed), \(Int(Double(count) / seconds)) per second")
    }

    @Test func appendAndFeed() async throws {
        let bench = try await Bench()
        let clock = ContinuousClock()
        let batches = try await clock.measure { _ = try await bench.fill(Self.count, tenants: ["a", "b", "c"], payloadBytes: 100) }
        Self.show("appended in batches", Self.count, batches)

        let single = try await clock.measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for producer in 0..<Self.producers {
                    group.addTask {
                        for number in 0..<Self.perProducer {
                            _ = try await bench.log.append(try Fixture.event("s-\(producer)-\(number)"), intake: Fixture.time)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let singles = Self.producers * Self.perProducer
        Self.show("appended one by one by \(Self.producers) tasks", singles, single)

        let total = Self.count + singles
        let begun = clock.now
        try await bench.withFeed { feed, recorder in
            #expect(await eventually(timeout: .seconds(60)) { feed.isFollowing })
            Self.show("fed from the start", total, clock.now - begun)
            #expect(recorder.count == total)
        }

        let reading = try await clock.measure {
            let read = try await bench.log.read(.events(of: Tenant("a")), after: 0, through: UInt64(Self.count), maxBytes: .max)
            #expect(read.entries.count == (Self.count + 2) / 3)
        }
        Self.show("one tenant's past through a filter", (Self.count + 2) / 3, reading)
    }
}
