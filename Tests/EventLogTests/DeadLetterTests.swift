import Basics
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import EventLog

/// Work that fails, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct DeadLetterTests {
    /// What became of each entry, by sequence.
    private final class Desk: Sendable {
        let verdicts = Mutex<[UInt64: WorkOutcome]>([:])
        let visits = Mutex<[UInt64]>([])

        func handle(_ entry: LogEntry) -> WorkOutcome {
            visits.withLock { $0.append(entry.sequence) }
            return verdicts.withLock { $0[entry.sequence] ?? .done }
        }
    }

    private static func reading(_ letters: DeadLetters) -> SharedReading {
        SharedReading(name: "work", filter: "events.*.incident.created", letters: letters, logger: Bench.logger)
    }

    private static func letters(_ log: EventLog) -> DeadLetters {
        DeadLetters(of: log, logger: Bench.logger, now: { Fixture.time })
    }

    private static func running(_ reading: SharedReading, _ desk: Desk) -> Task<Void, any Error> {
        Task { try await reading.run { desk.handle($0) } }
    }

    private static func end(_ runs: Task<Void, any Error>...) async throws {
        for run in runs {
            run.cancel()
            try await run.value
        }
    }

    @Test func whatFailsForItsContentIsSetAsideOnce() async throws {
        let bench = try await Bench()
        try await bench.fill(3)
        let desk = Desk()
        desk.verdicts.withLock { $0[2] = .failed("It cannot be.") }
        let letters = Self.letters(bench.log), others = Self.letters(try await bench.another())
        let runs = (Self.running(Self.reading(letters), desk), Self.running(Self.reading(others), desk))
        #expect(await eventually { Set(desk.visits.withLock { $0 }) == [1, 2, 3] })
        #expect(await eventually { letters.totals["work", default: 0] + others.totals["work", default: 0] == 1 })
        let stored = try await letters.list(tenant: nil, work: nil, limit: 10)
        let letter = try #require(stored.first?.letter)
        #expect(stored.count == 1)
        #expect(
            letter
                == DeadLetter(
                    work: "work",
                    tenant: Tenant("acme"),
                    subject: "events.acme.incident.created",
                    sequence: 2,
                    epoch: bench.log.epoch,
                    reason: "It cannot be.",
                    failedAt: Fixture.time
                )
        )
        try await Self.end(runs.0, runs.1)
    }

    @Test func aMessageThatIsNoEventIsSetAside() async throws {
        let bench = try await Bench()
        _ = try await bench.jetStream.publish(subject: "events.acme.incident.created", payload: Array("[]".utf8))
        let desk = Desk(), letters = Self.letters(bench.log)
        let run = Self.running(Self.reading(letters), desk)
        #expect(await eventually { letters.totals == ["work": 1] })
        let stored = try await letters.list(tenant: Tenant("acme"), work: "work", limit: 10)
        #expect(stored.map(\.letter.sequence) == [1])
        #expect(stored.first?.letter.reason.hasPrefix("The message is no event: ") == true)
        #expect(desk.visits.withLock { $0 }.isEmpty)
        #expect(try await letters.list(tenant: Tenant("globex"), work: nil, limit: 10).isEmpty)
        #expect(try await letters.list(tenant: nil, work: "other", limit: 10).isEmpty)
        try await Self.end(run)
    }

    @Test func manyThatFailHoldNobodyUp() async throws {
        let bench = try await Bench()
        // More than a consumer lets wait by default, all of them kept from being done; and then one that can be done.
        try await bench.fill(1500)
        let desk = Desk(), letters = Self.letters(bench.log)
        desk.verdicts.withLock { verdicts in for sequence in 1...1500 { verdicts[UInt64(sequence)] = .later("It is closed.") } }
        let run = Self.running(Self.reading(letters), desk)
        #expect(await eventually { Set(desk.visits.withLock { $0 }).count == 1500 })
        let appended = try await bench.log.append(try Fixture.event("good"), intake: Fixture.time)
        #expect(await eventually { desk.visits.withLock { $0 }.contains(appended.cursor.sequence) })
        #expect(letters.totals.isEmpty)
        try await Self.end(run)
    }

    @Test func theConsumerOfAnEarlierVersionIsBroughtUpToDate() async throws {
        let bench = try await Bench()
        var earlier = ConsumerConfiguration.pull(durable: "work")
        earlier.filterSubject = "events.*.incident.created"
        earlier.ackWait = .seconds(3)
        _ = try await bench.jetStream.createConsumer(stream: bench.log.configuration.streamName, earlier)
        try await bench.fill(1)
        let desk = Desk(), letters = Self.letters(bench.log)
        let run = Self.running(Self.reading(letters), desk)
        #expect(await eventually { desk.visits.withLock { $0 } == [1] })
        let info = try await bench.jetStream.consumerInfo(stream: bench.log.configuration.streamName, consumer: "work")
        #expect(info.configuration.maxAckPending == 100_000)
        try await Self.end(run)
    }

    @Test func aLetterIsTriedAgainWhenAnOperatorAsks() async throws {
        let bench = try await Bench()
        try await bench.fill(2)
        let desk = Desk(), letters = Self.letters(bench.log)
        desk.verdicts.withLock { $0 = [1: .failed("Not yet."), 2: .failed("Never.")] }
        let run = Self.running(Self.reading(letters), desk)
        #expect(await eventually { letters.totals == ["work": 2] })
        let stored = try await letters.list(tenant: nil, work: nil, limit: 10)
        #expect(Set(stored.map(\.letter.sequence)) == [1, 2])
        desk.verdicts.withLock { $0[1] = nil }
        for stored in stored { try await letters.retry(stored.id) }
        // One is done now, and the other is a letter again.
        #expect(await eventually { letters.totals == ["work": 3] })
        #expect(await eventually { desk.visits.withLock { $0 }.count { $0 == 1 } == 2 })
        let left = try await letters.list(tenant: nil, work: nil, limit: 10)
        #expect(left.map(\.letter.sequence) == [2])
        #expect(try await eventually { try await bench.jetStream.streamInfo(DeadLetters.streamName).state.messages == 1 })
        let id = try #require(left.first?.id)
        try await letters.drop(id)
        #expect(try await letters.list(tenant: nil, work: nil, limit: 10).isEmpty)
        await #expect(throws: EventLogError.self) { try await letters.drop(id) }
        await #expect(throws: EventLogError.self) { try await letters.retry(id) }
        try await Self.end(run)
    }

    @Test func aTenantHasRoomOfItsOwn() async throws {
        let bench = try await Bench()
        let letters = Self.letters(bench.log)
        try await letters.put(work: "work", subject: "events.quiet.a.b", sequence: 1, reason: "It is of another tenant.")
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<16 {
                group.addTask {
                    for number in 0..<70 {
                        let sequence = UInt64(2 + worker * 70 + number)
                        try? await letters.put(work: "work", subject: "events.loud.a.b", sequence: sequence, reason: "")
                    }
                }
            }
        }
        #expect(letters.totals == ["work": 1121])
        let info = try await bench.jetStream.streamInfo(DeadLetters.streamName)
        #expect(info.state.messages == 1001)
        #expect(try await letters.list(tenant: Tenant("quiet"), work: nil, limit: 10).map(\.letter.sequence) == [1])
    }

    @Test func pausesGrowForEachItem() {
        let pauses = (1...12).map { WorkRetry.delay(after: $0, chance: 1) }
        #expect(pauses.prefix(4) == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4)])
        #expect(pauses.suffix(2) == [.seconds(300), .seconds(300)])
        #expect(WorkRetry.delay(after: .max, chance: 1) == .seconds(300))
        #expect(WorkRetry.delay(after: 0, chance: 1) == .milliseconds(500))
    }

    @Test func aLetterIsBoundedAndReadBack() throws {
        let long = DeadLetter(
            work: "work",
            tenant: nil,
            subject: String(repeating: "s", count: 5000),
            sequence: .max / 4,
            epoch: .max,
            reason: String(repeating: "\u{1}\"é", count: 5000),
            attempts: 7,
            failedAt: Fixture.time
        )
        #expect((DeadLetter.maximumReason - 3...DeadLetter.maximumReason).contains(long.reason.utf8.count))
        #expect(long.json().bytes.count < 8 * 1024)
        #expect(DeadLetter(json: long.json().bytes) == long)
        #expect(DeadLetter(json: Array("{}".utf8)) == nil)
    }
}
