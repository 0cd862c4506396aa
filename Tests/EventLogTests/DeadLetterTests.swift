import Basics
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import EventLog

/// Dead letters of failed work, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct DeadLetterTests {
    /// The outcome of each entry, by sequence.
    private final class Handler: Sendable {
        let verdicts = Mutex<[UInt64: WorkOutcome]>([:])
        let visits = Mutex<[UInt64]>([])

        func handle(_ entry: LogEntry) -> WorkOutcome {
            visits.withLock { $0.append(entry.sequence) }
            return verdicts.withLock { $0[entry.sequence] ?? .done }
        }
    }

    private static func reading(_ letters: DeadLetters) -> SharedReading<LogEntry> {
        SharedReading(
            of: .events(of: letters.log),
            name: "work",
            filter: "events.*.incident.created",
            letters: letters,
            logger: Bench.logger
        )
    }

    private static func letters(_ log: EventLog) -> DeadLetters {
        DeadLetters(of: log, logger: Bench.logger, now: { Fixture.time })
    }

    private static func running(_ reading: SharedReading<LogEntry>, _ handler: Handler) -> Task<Void, any Error> {
        Task { try await reading.run { handler.handle($0) } }
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
        let handler = Handler()
        handler.verdicts.withLock { $0[2] = .failed("It cannot be.") }
        let letters = Self.letters(bench.log), others = Self.letters(try await bench.another())
        let runs = (Self.running(Self.reading(letters), handler), Self.running(Self.reading(others), handler))
        #expect(await eventually { Set(handler.visits.withLock { $0 }) == [1, 2, 3] })
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
        let handler = Handler(), letters = Self.letters(bench.log)
        let run = Self.running(Self.reading(letters), handler)
        #expect(await eventually { letters.totals == ["work": 1] })
        let stored = try await letters.list(tenant: Tenant("acme"), work: "work", limit: 10)
        #expect(stored.map(\.letter.sequence) == [1])
        #expect(stored.first?.letter.reason.hasPrefix("The message is malformed: ") == true)
        #expect(handler.visits.withLock { $0 }.isEmpty)
        #expect(try await letters.list(tenant: Tenant("globex"), work: nil, limit: 10).isEmpty)
        #expect(try await letters.list(tenant: nil, work: "other", limit: 10).isEmpty)
        try await Self.end(run)
    }

    @Test func manyThatFailHoldNobodyUp() async throws {
        let bench = try await Bench()
        // More blocked entries than a consumer's default limit of pending ones; then one that succeeds.
        try await bench.fill(1500)
        let handler = Handler(), letters = Self.letters(bench.log)
        handler.verdicts.withLock { verdicts in for sequence in 1...1500 { verdicts[UInt64(sequence)] = .later("It is closed.") } }
        let run = Self.running(Self.reading(letters), handler)
        #expect(await eventually { Set(handler.visits.withLock { $0 }).count == 1500 })
        let appended = try await bench.log.append(try Fixture.event("good"), intake: Fixture.time)
        #expect(await eventually { handler.visits.withLock { $0 }.contains(appended.cursor.sequence) })
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
        let handler = Handler(), letters = Self.letters(bench.log)
        let run = Self.running(Self.reading(letters), handler)
        #expect(await eventually { handler.visits.withLock { $0 } == [1] })
        let info = try await bench.jetStream.consumerInfo(stream: bench.log.configuration.streamName, consumer: "work")
        #expect(info.configuration.maxAckPending == 100_000)
        try await Self.end(run)
    }

    @Test func aLetterIsTriedAgainWhenAnOperatorAsks() async throws {
        let bench = try await Bench()
        try await bench.fill(2)
        let handler = Handler(), letters = Self.letters(bench.log)
        handler.verdicts.withLock { $0 = [1: .failed("Not yet."), 2: .failed("Never.")] }
        let run = Self.running(Self.reading(letters), handler)
        #expect(await eventually { letters.totals == ["work": 2] })
        let stored = try await letters.list(tenant: nil, work: nil, limit: 10)
        #expect(Set(stored.map(\.letter.sequence)) == [1, 2])
        handler.verdicts.withLock { $0[1] = nil }
        for stored in stored { try await letters.retry(stored.id) }
        // One succeeds now, and the other becomes a letter again.
        #expect(await eventually { letters.totals == ["work": 3] })
        #expect(await eventually { handler.visits.withLock { $0 }.count { $0 == 1 } == 2 })
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

    @Test func workThatComesUpAgainHasOneLetterHoweverLate() async throws {
        let bench = try await Bench()
        let letters = Self.letters(bench.log)
        // A short window simulates a restart long after the first letter.
        var short = StreamConfiguration(name: DeadLetters.streamName, subjects: ["deadletters.*.*", "retries.*.*"])
        short.duplicateWindow = .milliseconds(100)
        _ = try await bench.jetStream.createStream(short)
        func isAnothersTurn(_ id: String) async throws -> Bool {
            try await !bench.jetStream.publish(subject: "retries.acme.none", payload: [], messageID: id).isDuplicate
        }
        func put(_ letters: DeadLetters, _ sequence: UInt64) async throws {
            try await letters.putOnce(work: "work", subject: "events.acme.a.b", sequence: sequence, reason: "It cannot be.")
        }
        try await put(letters, 7)
        try await put(letters, 9)
        _ = try await isAnothersTurn("first")
        #expect(try await eventually { try await isAnothersTurn("first") })
        let others = Self.letters(try await bench.another())
        for sequence: UInt64 in [9, 7, 9] { try await put(others, sequence) }
        for sequence: UInt64 in [7, 9] { try await put(letters, sequence) }
        #expect(letters.totals == ["work": 2] && others.totals.isEmpty)
        #expect(try await letters.list(tenant: nil, work: nil, limit: 10).map(\.letter.sequence) == [7, 9])
        // Letters of other kinds of work or other tenants are distinct.
        try await others.putOnce(work: "other", subject: "events.acme.a.b", sequence: 7, reason: "")
        try await others.putOnce(work: "work", subject: "events.globex.a.b", sequence: 7, reason: "")
        #expect(others.totals == ["other": 1, "work": 1])
    }

    @Test func processesThatComeUponTheSameWorkAtOnceWriteOneLetter() async throws {
        let bench = try await Bench()
        let processes = [Self.letters(bench.log), Self.letters(try await bench.another()), Self.letters(try await bench.another())]
        await withTaskGroup(of: Void.self) { group in
            for letters in processes {
                group.addTask {
                    for sequence: UInt64 in 1...20 {
                        // As a sweep does: what could not be stored in time is tried again.
                        while (try? await letters.putOnce(work: "work", subject: "events.acme.a.b", sequence: sequence, reason: "")) == nil
                        {
                            await Task.yield()
                        }
                    }
                }
            }
        }
        #expect(processes.reduce(0) { $0 + $1.totals["work", default: 0] } == 20)
        #expect(try await processes[0].list(tenant: nil, work: nil, limit: 100).map(\.letter.sequence).sorted() == Array(1...20))
    }

    @Test func whatWasTriedAgainAndFailsAgainIsALetterAgain() async throws {
        let bench = try await Bench()
        try await bench.fill(2)
        let letters = Self.letters(bench.log), others = Self.letters(try await bench.another())
        func put(_ letters: DeadLetters, _ sequence: UInt64) async throws {
            try await letters.putOnce(work: "work", subject: "events.acme.incident.created", sequence: sequence, reason: "Not yet.")
        }
        for sequence: UInt64 in [1, 2] { try await put(letters, sequence) }
        try await put(others, 2)
        let handler = Handler()
        handler.verdicts.withLock { $0[2] = .failed("Never.") }
        let retried = RetriedWork(of: .events(of: bench.log), letters: letters, name: "work", logger: Bench.logger)
        let run = Task { try await retried.run { handler.handle($0) } }
        for stored in try await letters.list(tenant: nil, work: nil, limit: 10) { try await letters.retry(stored.id) }
        #expect(await eventually { Set(handler.visits.withLock { $0 }) == [1, 2] && letters.totals == ["work": 3] })
        let left = try await letters.list(tenant: nil, work: nil, limit: 10)
        #expect(left.map(\.letter.sequence) == [2] && left.first?.letter.reason == "Never.")
        try await Self.end(run)
        // The letter of the retry is the one that is found.
        for letters in [letters, others] { try await put(letters, 2) }
        #expect(letters.totals == ["work": 3] && others.totals.isEmpty)
        // Removing one frees its place, in any process.
        try await letters.drop(try #require(left.first).id)
        try await put(others, 2)
        try await put(letters, 2)
        #expect(letters.totals == ["work": 3] && others.totals == ["work": 1])
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
