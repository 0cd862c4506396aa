import EventLog
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

/// Records the entries it handled.
private final class Handled: Sendable {
    private let state = Mutex<[UInt64]>([])

    var sequences: [UInt64] { state.withLock { $0 } }

    func handle(_ entry: LogEntry) -> WorkOutcome {
        state.withLock { $0.append(entry.sequence) }
        return .done
    }
}

/// Consumers shared by several processes, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct SharedReadingTests {
    private static func reading(_ log: EventLog) -> SharedReading<LogEntry> {
        SharedReading(
            of: .events(of: log),
            name: "work",
            filter: "events.*.incident.created",
            letters: DeadLetters(of: log, logger: Bench.logger),
            logger: Bench.logger
        )
    }

    @Test func eachEntryIsHandledByOneOfThem() async throws {
        let bench = try await Bench()
        try await bench.fill(200)
        _ = try await bench.log.append(try Fixture.event("other", type: "incident.closed"), intake: Fixture.time)
        let handled = Handled()
        let runs = try await [bench.log, bench.another()].map { log in
            let reading = Self.reading(log)
            return Task { try await reading.run { handled.handle($0) } }
        }
        #expect(await eventually { Set(handled.sequences).count >= 200 })
        for run in runs {
            run.cancel()
            try await run.value
        }
        #expect(Set(handled.sequences) == Set(1...200))
        // At least once: entries not acknowledged in time are redelivered. But not everything goes to both.
        #expect(handled.sequences.count < 300)
    }

    @Test func whatIsNotDoneComesAgain() async throws {
        let bench = try await Bench()
        try await bench.fill(3)
        let visits = Handled()
        let reading = Self.reading(bench.log)
        let run = Task {
            try await reading.run { entry in
                _ = visits.handle(entry)
                return visits.sequences.count { $0 == entry.sequence } < 3 ? .later("not now") : .done
            }
        }
        #expect(await eventually { visits.sequences.sorted() == [1, 1, 1, 2, 2, 2, 3, 3, 3] })
        run.cancel()
        try await run.value
    }

    /// Another kind of consumer has its name: it reports the error until that one is removed, and then continues.
    @Test func saysWhyItDoesNotRun() async throws {
        let bench = try await Bench()
        var other = ConsumerConfiguration.push(to: "elsewhere", from: .all, filter: "events.*.incident.created")
        other.durableName = "work"
        _ = try await bench.jetStream.createConsumer(stream: "EVENTS", other)
        try await bench.fill(1)
        let handled = Handled()
        let reading = Self.reading(bench.log)
        #expect(reading.fault != nil, "it has not begun")
        let run = Task { try await reading.run { handled.handle($0) } }
        #expect(await eventually { reading.fault?.contains("nats consumer rm EVENTS work") == true }, "\(reading.fault ?? "it runs")")
        #expect(handled.sequences.isEmpty)
        let answer = try await bench.connection.request(subject: "$JS.API.CONSUMER.DELETE.EVENTS.work")
        #expect(String(decoding: answer.payload, as: UTF8.self).contains(#""success":true"#))
        #expect(await eventually { reading.fault == nil && handled.sequences == [1] })
        run.cancel()
        try await run.value
    }

    @Test func itsPlaceSurvivesTheServerAndItsReaders() async throws {
        let bench = try await Bench()
        try await bench.fill(5)
        let handled = Handled()
        let reading = Self.reading(bench.log)
        let first = Task { try await reading.run { handled.handle($0) } }
        #expect(await eventually { handled.sequences.count == 5 })
        first.cancel()
        try await first.value
        bench.server.kill()
        try await bench.server.start()
        let second = Task { try await reading.run { handled.handle($0) } }
        let appended = try await bench.log.append(try Fixture.event("later"), intake: Fixture.time)
        #expect(await eventually { handled.sequences.contains(appended.cursor.sequence) })
        second.cancel()
        try await second.value
        #expect(Set(handled.sequences) == [1, 2, 3, 4, 5, 6])
    }
}
