import Basics
import EventModel
import NATSClient
import TestKit
import Testing

@testable import EventLog

/// The computation of the next number, as a pure value.
@Suite struct ExecutionStepTests {
    private static let running = ExecutionTail(run: "a", number: 7, first: 5, start: 3, isEnded: false, time: Fixture.time)
    private static let next = ExecutionStep.Next(run: "a", number: 8, first: 5, start: 3)
    private static let exhausted = ExecutionTail(
        run: "a",
        number: ExecutionNumber(ExecutionNumber.range.upperBound)!,
        first: nil,
        start: 3,
        isEnded: false,
        time: Fixture.time
    )
    private static let ended = ExecutionTail(run: "a", number: 7, first: 5, start: 3, isEnded: true, time: Fixture.time)

    private static let behindHole = ExecutionStep.Next(run: "a", number: 41, first: 5, start: 3)

    /// The tail, if any, is at sequence 9.
    @Test(
        arguments: [
            (nil, 0, .current, .append(.beginning("new", at: 1))),
            (nil, 0, .named("b"), .append(.beginning("b", at: 1))),
            (running, 0, .current, .append(next)),
            (running, 0, .named("a"), .append(next)),
            (running, 0, .replacing("a"), .append(next)),
            (running, 0, .named("b"), .conflict(.otherIsRunning(run: "a", since: Fixture.time))),
            (running, 0, .replacing("b"), .endFirst(next)),
            (ended, 0, .current, .append(.beginning("new", at: 8))),
            (ended, 0, .named("a"), .conflict(.ended(run: "a"))),
            (ended, 0, .replacing("a"), .conflict(.ended(run: "a"))),
            (ended, 0, .named("b"), .append(.beginning("b", at: 8))),
            // The log dropped a message that may have been a later one of the name: no number that it may have had is reused.
            (nil, 20, .current, .append(.beginning("new", at: 41))),
            (nil, 20, .replacing("b"), .append(.beginning("b", at: 41))),
            (running, 20, .current, .append(behindHole)),
            (running, 20, .named("a"), .append(behindHole)),
            (running, 20, .replacing("b"), .endFirst(behindHole)),
            (ended, 20, .current, .append(.beginning("new", at: 41))),
            // The log holds the highest number: nothing overflows, and the next execution is possible.
            (exhausted, 0, .current, .append(.beginning("new", at: 19))),
            (exhausted, 0, .named("a"), .conflict(.ended(run: "a"))),
            (exhausted, 0, .named("b"), .append(.beginning("b", at: 19))),
            (exhausted, 0, .replacing("b"), .append(.beginning("b", at: 19))),
            (exhausted, 20, .current, .append(.beginning("new", at: 41))),
        ] as [(ExecutionTail?, UInt64, ExecutionChoice, ExecutionStep)]
    )
    func rules(tail: ExecutionTail?, dropped: UInt64, choice: ExecutionChoice, step: ExecutionStep) {
        let place: UInt64 = tail == nil ? 0 : 9
        let last = ExecutionLast(sequence: place, tail: tail, place: place, dropped: dropped)
        #expect(ExecutionStep(after: last, for: choice, newRun: "new") == step)
    }

    /// Whatever the log dropped, and wherever a name begins: no number is assigned twice, and the one before a hole is never assigned.
    @Test func noNumberIsGivenTwice() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var given: Set<UInt64> = []
            var last = ExecutionLast(sequence: 0, tail: nil, place: 0)
            for sequence in UInt64(1)...60 {
                switch Int.random(in: 0..<4, using: &generator) {
                case 0:
                    // Another name's event.
                    continue
                case 1 where sequence > 1:
                    // All of the name's events are dropped.
                    last = ExecutionLast(sequence: 0, tail: nil, place: 0, dropped: sequence - 1)
                default: break
                }
                guard case .append(let next) = ExecutionStep(after: last, for: .current, newRun: "new") else {
                    Issue.record("an event for the current execution always has a place")
                    return
                }
                #expect(given.allSatisfy { $0 < next.number.value })
                if last.tail == nil { #expect(!given.contains(next.number.value - 1), "who has seen that one would not be told") }
                given.insert(next.number.value)
                let tail = ExecutionTail(
                    run: next.run,
                    number: next.number,
                    first: next.first,
                    start: next.start,
                    isEnded: Bool.random(using: &generator),
                    time: Fixture.time
                )
                last = ExecutionLast(sequence: sequence, tail: tail, place: sequence)
            }
        }
    }

    @Test func thePlacesOfAnyLogAreNumbers() {
        #expect(ExecutionStep.lowest(behind: 0) == 1 && ExecutionStep.lowest(behind: 7) == 15)
        #expect(ExecutionNumber.range.contains(ExecutionStep.lowest(behind: .max).value))
    }
}

/// Numbers of executions, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct ExecutionWriterTests {
    private static func reference(_ name: String = "my agent", tenant: String = "acme") throws -> ExecutionReference {
        try ExecutionReference(tenant: Tenant(tenant), kind: .agents, name: ExecutionName(name))
    }

    private static func event(_ id: String, _ type: String = "progress", tenant: String = "acme") throws -> Event {
        Event(
            id: try EventID(id),
            tenant: try Tenant(tenant),
            type: try ExecutionCatalogue.type(type, of: .agents),
            time: Fixture.time,
            payload: try Payload(validating: Array(#"{"progress":0.5,"type":"mine"}"#.utf8), allowsStreamMembers: true)
        )
    }

    private static func entries(_ log: EventLog, _ reference: ExecutionReference) async throws -> [LogEntry] {
        var entries: [LogEntry] = []
        var position: UInt64 = 0
        let end = try await log.bounds().lastSequence
        while position < end {
            let piece = try await log.read(.execution(reference), after: position, through: end, maxBytes: 4096)
            entries += piece.entries
            position = piece.position
        }
        return entries
    }

    @Test func countsFromOneAndBeginsAnewAfterTheEnd() async throws {
        let bench = try await Bench()
        let writer = ExecutionWriter(log: bench.log)
        let reference = try Self.reference()
        var stored: [AppendedExecutionEvent] = []
        for (index, type) in ["progress", "progress", "complete", "progress", "failed", "complete"].enumerated() {
            stored.append(try await writer.append(Self.event("e\(index)", type), to: reference, intake: Fixture.time).get())
        }
        #expect(stored.map(\.number) == [1, 2, 3, 4, 5, 6])
        #expect(Set(stored.prefix(3).map(\.run)).count == 1 && Set(stored.map(\.run)).count == 3)
        // Another process, and one without state, continue from there.
        let other = ExecutionWriter(log: try await bench.another())
        #expect(try await other.append(Self.event("x"), to: reference, intake: Fixture.time).get().number == 7)
        #expect(try await writer.append(Self.event("y"), to: reference, intake: Fixture.time).get().number == 8)
        let entries = try await Self.entries(bench.log, reference)
        #expect(entries.map { $0.execution?.number } == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(entries.map { $0.execution?.first } == [1, 1, 1, 4, 4, 6, 7, 7])
        #expect(entries.map { $0.execution?.start } == [nil, 1, 1, nil, 4, nil, nil, 7])
        #expect(entries[2].execution?.isFinal == true && entries[2].event.id == "e2")
        #expect(try await bench.log.execution(of: reference)?.number == 8)
    }

    @Test func ofManyWritersEachGetsItsOwnNumber() async throws {
        let bench = try await Bench()
        let logs = [bench.log, try await bench.another(), try await bench.another()]
        let reference = try Self.reference()
        let numbers = try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for (index, log) in logs.enumerated() {
                group.addTask {
                    let writer = ExecutionWriter(log: log)
                    var numbers: [UInt64] = []
                    for count in 0..<60 {
                        numbers.append(
                            try await writer.append(
                                Self.event("\(index)-\(count)"),
                                to: reference,
                                intake: Fixture.time,
                                timeout: .seconds(120)
                            ).get().number.value
                        )
                    }
                    return numbers
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for own in numbers { #expect(own == own.sorted(), "each writer's events keep their order") }
        #expect(numbers.flatMap(\.self).sorted() == Array(1...180))
        let entries = try await Self.entries(bench.log, reference)
        #expect(entries.map { $0.execution?.number.value } == (1...180).map { $0 })
        #expect(Set(entries.map { $0.execution?.run }).count == 1)
    }

    @Test func aRepetitionIsRecognisedEvenWhenTheExecutionHasEnded() async throws {
        let bench = try await Bench()
        let writer = ExecutionWriter(log: bench.log)
        let reference = try Self.reference()
        let first = try await writer.append(Self.event("a"), to: reference, .named("r"), intake: Fixture.time).get()
        let last = try await writer.append(Self.event("b", "complete"), to: reference, .named("r"), intake: Fixture.time).get()
        for repetition in [writer, ExecutionWriter(log: try await bench.another())] {
            let again = try await repetition.append(Self.event("a"), to: reference, .named("r"), intake: Fixture.time).get()
            #expect(again == AppendedExecutionEvent(run: "r", number: 1, sequence: first.sequence, isDuplicate: true))
            let end = try await repetition.append(Self.event("b", "complete"), to: reference, .named("r"), intake: Fixture.time).get()
            #expect(end == AppendedExecutionEvent(run: "r", number: 2, sequence: last.sequence, isDuplicate: true))
            #expect(
                try await repetition.append(Self.event("c"), to: reference, .named("r"), intake: Fixture.time) == .failure(.ended(run: "r"))
            )
        }
        // The same id elsewhere is another event.
        let elsewhere = try await writer.append(Self.event("a"), to: Self.reference("other"), intake: Fixture.time).get()
        #expect(elsewhere.number == 1 && !elsewhere.isDuplicate)
        #expect(try await bench.log.bounds().lastSequence == 3)
    }

    @Test func anotherExecutionWaitsOrReplaces() async throws {
        let bench = try await Bench()
        let writer = ExecutionWriter(log: bench.log)
        let reference = try Self.reference()
        _ = try await writer.append(Self.event("a"), to: reference, .named("first"), intake: Fixture.time).get()
        let other = ExecutionWriter(log: try await bench.another())
        #expect(
            try await other.append(Self.event("b"), to: reference, .named("second"), intake: Fixture.time)
                == .failure(.otherIsRunning(run: "first", since: Fixture.time))
        )
        let replaced = try await other.append(Self.event("b"), to: reference, .replacing("second"), intake: Fixture.time).get()
        #expect(replaced.run == "second" && replaced.number == 3)
        #expect(
            try await writer.append(Self.event("c"), to: reference, .named("first"), intake: Fixture.time)
                == .failure(.otherIsRunning(run: "second", since: Fixture.time))
        )
        let entries = try await Self.entries(bench.log, reference)
        #expect(entries.map(\.event.type.name) == ["progress", "failed", "progress"])
        #expect(entries.map { $0.execution?.number } == [1, 2, 3])
    }

    @Test func whatIsNoEventOnTheSubjectStopsNobody() async throws {
        let bench = try await Bench()
        let writer = ExecutionWriter(log: bench.log)
        let reference = try Self.reference()
        for id in ["a", "b"] { _ = try await writer.append(Self.event(id), to: reference, intake: Fixture.time).get() }
        _ = try await bench.jetStream.publish(subject: reference.subject, payload: Array("not an event".utf8))
        #expect(try await writer.append(Self.event("c"), to: reference, intake: Fixture.time).get().number == 3)
        #expect(try await Self.entries(bench.log, reference).map { $0.execution?.number.value } == [1, 2, 3])
    }

    /// A message with an impossible number is not an event; the highest number ends its execution. Neither stops the writer.
    @Test(arguments: ["18446744073709551615", "18446744073709551616", "4611686018427387905", "-1", "0", "1e3", ""])
    func aNumberFromTheBusStopsNobody(_ number: String) async throws {
        let bench = try await Bench()
        let reference = try Self.reference()
        let writer = ExecutionWriter(log: bench.log)
        _ = try await writer.append(Self.event("a"), to: reference, .named("r"), intake: Fixture.time).get()
        try await bench.forge(reference, run: "r", number: number)
        let next = try await writer.append(Self.event("b"), to: reference, intake: Fixture.time).get()
        let other = try await ExecutionWriter(log: bench.another()).append(Self.event("c"), to: reference, intake: Fixture.time).get()
        #expect(next.run == "r" && next.number == 2 && other.run == "r" && other.number == 3)
    }

    @Test func theLastNumberThereIsEndsItsExecution() async throws {
        let bench = try await Bench()
        let reference = try Self.reference()
        try await bench.forge(reference, run: "r", number: String(ExecutionNumber.range.upperBound))
        let writer = ExecutionWriter(log: bench.log)
        let next = try await writer.append(Self.event("a"), to: reference, intake: Fixture.time).get()
        #expect(next.run != "r" && next.number == 3, "above what a log of one message can have counted")
    }

    /// By a writer that has the name cached, and by one that must read the log.
    @Test(arguments: [true, false])
    func aNameThatTheLogHasForgottenGoesOnAboveAllNumbersOfBefore(_ remembers: Bool) async throws {
        let bench = try await Bench()
        let reference = try Self.reference()
        let first = ExecutionWriter(log: bench.log)
        for id in ["a", "b", "c"] { _ = try await first.append(Self.event(id), to: reference, .named("r"), intake: Fixture.time).get() }
        try await bench.purge(before: 4)
        let writer = remembers ? first : ExecutionWriter(log: try await bench.another())
        let next = try await writer.append(Self.event("d"), to: reference, .named("r"), intake: Fixture.time).get()
        #expect(next.sequence == 4 && next.number == 7)
        #expect(try await writer.append(Self.event("e"), to: reference, .named("r"), intake: Fixture.time).get().number == 8)
        let entries = try await Self.entries(bench.log, reference)
        #expect(entries.map { $0.execution?.first } == [7, 7] && entries.map { $0.execution?.start } == [nil, 4])
        // The log can no longer tell that a name is unused.
        #expect(try await writer.append(Self.event("f"), to: Self.reference("other"), intake: Fixture.time).get().number == 7)
    }

    /// nats-server 2.9 then reports no message for the subject, although it holds the earlier ones.
    @Test(arguments: [true, false])
    func anExecutionWhoseLastEventWasDeletedGoesOn(_ isLastOfLog: Bool) async throws {
        let bench = try await Bench()
        let reference = try Self.reference()
        let writer = ExecutionWriter(log: bench.log)
        for id in ["a", "b", "c"] { _ = try await writer.append(Self.event(id), to: reference, .named("r"), intake: Fixture.time).get() }
        if !isLastOfLog { try await bench.fill(1) }
        try await bench.delete(3)
        #expect(try await bench.log.execution(of: reference)?.number == 2)
        for (id, log) in [("d", bench.log), ("e", try await bench.another())] {
            let next = try await ExecutionWriter(log: log).append(Self.event(id), to: reference, intake: Fixture.time).get()
            #expect(next.run == "r" && next.number == (id == "d" ? 7 : 8), "3 was given before")
        }
        let entries = try await Self.entries(bench.log, reference)
        #expect(entries.map { $0.execution?.number } == [1, 2, 7, 8] && entries.allSatisfy { $0.execution?.first == 1 })
        #expect(entries.compactMap { $0.execution?.start } == [1, 1, 1])
    }

    /// A deletion among other names' messages skips numbers once, not at every read of the log.
    @Test func aDeletionElsewhereIsSteppedOverOnce() async throws {
        let bench = try await Bench()
        let reference = try Self.reference()
        var writer = ExecutionWriter(log: bench.log)
        #expect(try await writer.append(Self.event("a"), to: reference, intake: Fixture.time).get().number == 1)
        try await bench.fill(3)
        try await bench.delete(3)
        #expect(try await writer.append(Self.event("b"), to: reference, intake: Fixture.time).get().number == 2, "it knows the last event")
        try await bench.fill(3, tenants: ["globex"])
        try await bench.delete(7)
        for number: ExecutionNumber in [15, 16, 17] {
            writer = ExecutionWriter(log: try await bench.another())
            let event = try Self.event("c\(number)")
            #expect(try await writer.append(event, to: reference, intake: Fixture.time).get().number == number)
        }
    }

    /// Impossible hints: a start beyond the event, a first number beyond its own.
    @Test func hintsFromTheBusAreChecked() async throws {
        let bench = try await Bench()
        let reference = try Self.reference()
        for (start, first) in [(UInt64.max, ExecutionNumber.range.upperBound), (0, 9), (7, 8)] {
            try await bench.forge(reference, run: "r", number: "7", headers: ["causeway-start": "\(start)", "causeway-first": "\(first)"])
            let tail = try #require(try await bench.log.execution(of: reference))
            #expect(tail.number == 7 && tail.start == nil && tail.first == nil)
        }
    }

    /// A clustered nats-server reports another write in flight: nothing is decided, and the writer retries.
    @Test func aWriteInFlightIsWaitedFor() async throws {
        let bench = try await Bench()
        let reference = try Self.reference()
        let writer = ExecutionWriter(log: bench.log)
        let cluster = try await BusyCluster(bench, subject: reference.subject, refusals: 3)
        let first = try await writer.append(Self.event("a"), to: reference, intake: Fixture.time).get()
        #expect(first.number == 1 && cluster.refused == 3)
    }

    @Test func outlivesTheServer() async throws {
        let bench = try await Bench()
        let writer = ExecutionWriter(log: bench.log)
        let reference = try Self.reference()
        let writing = Task {
            var numbers: [UInt64] = []
            for count in 0..<300 {
                numbers.append(
                    try await writer.append(Self.event("e\(count)"), to: reference, intake: Fixture.time, timeout: .seconds(30)).get()
                        .number.value
                )
            }
            return numbers
        }
        for _ in 0..<3 {
            bench.server.kill()
            try await bench.server.start()
        }
        #expect(try await writing.value == Array(1...300))
        #expect(try await Self.entries(bench.log, reference).map { $0.execution?.number.value } == (1...300).map { $0 })
    }

    @Test func theFeedTellsOfFollowedExecutionsOnly() async throws {
        let bench = try await Bench()
        let writer = ExecutionWriter(log: bench.log)
        let followed = try Self.reference("followed")
        let observer = ExecutionRecorder(followed.subject)
        let feed = LogFeed(log: bench.log, tailBytes: 1 << 20, observer: observer, logger: Bench.logger)
        let run = Task { try await feed.run() }
        for index in 0..<20 {
            _ = try await writer.append(Self.event("f\(index)"), to: followed, intake: Fixture.time).get()
            _ = try await writer.append(Self.event("p\(index)"), to: Self.reference("passed over"), intake: Fixture.time).get()
        }
        try await bench.fill(1)
        #expect(await eventually { feed.position == 41 })
        #expect(observer.numbers == Array(1...20))
        #expect(feed.tail.count == 1, "executions do not push events out of the tail")
        #expect(feed.statistics.entries == 1 && feed.statistics.skipped.isEmpty)
        run.cancel()
        try await run.value
    }
}
