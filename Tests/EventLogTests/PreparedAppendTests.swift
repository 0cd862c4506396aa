import Basics
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import EventLog

/// Appends without a task: the results are those of appends.
@Suite(.timeLimit(.minutes(3))) struct PreparedAppendTests {
    private static func append(
        _ event: Event,
        to log: EventLog,
        timeout: Duration = .seconds(30)
    ) async throws -> Result<Appended, EventLogError> {
        let prepared = try #require(PreparedAppend(event, to: log, intake: Fixture.time))
        let result = OneShot<Result<Appended, EventLogError>>()
        prepared.send(timeout: timeout) { result.settle($0) }
        return await result.value(onCancel: {})
    }

    /// Opens the connection on which most of them go.
    private static func warmUp(_ log: EventLog) async throws {
        #expect(await eventually { log.quickLine.readyOrBegin() != nil })
    }

    @Test(arguments: [false, true])
    func storesTheSameMessage(isWarm: Bool) async throws {
        let bench = try await Bench()
        if isWarm { try await Self.warmUp(bench.log) }
        let appended = try await Self.append(try Fixture.event("a", user: "ann"), to: bench.log).get()
        #expect(appended == Appended(cursor: Cursor(time: Fixture.time, epoch: bench.log.epoch, sequence: 1), isDuplicate: false))
        let other = try await bench.log.append(try Fixture.event("b", user: "ann"), intake: Fixture.time)
        #expect(other.cursor.sequence == 2)
        let messages = try await (1...2).asyncMap { try await bench.jetStream.message(stream: "EVENTS", sequence: $0) }
        #expect(messages[0].subject == messages[1].subject && messages[0].payload == messages[1].payload)
        #expect(Set(messages[0].headers.fields.map(\.name)) == Set(messages[1].headers.fields.map(\.name)))
    }

    @Test func manyAtATimeAreEachStoredOnce() async throws {
        let bench = try await Bench()
        try await Self.warmUp(bench.log)
        let results = try await withThrowingTaskGroup(of: Appended.self) { group in
            for number in 0..<2000 {
                group.addTask { try await Self.append(try Fixture.event("\(number)"), to: bench.log).get() }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(results.map(\.cursor.sequence)) == Set(1...2000))
        #expect(results.allSatisfy { !$0.isDuplicate })
    }

    @Test func anEventThatTakesMoreThanAMessageIsNotPrepared() async throws {
        let bench = try await Bench()
        let request = try Fixture.event(
            "r",
            type: "approval.requested",
            payload: #"{"approvalId":"a-1","incidentId":"i-1","title":"t","requestedBy":"svc"}"#
        )
        #expect(PreparedAppend(request, to: bench.log, intake: Fixture.time) == nil)
        let text = String(repeating: "x", count: EventLog.largeMessageBytes)
        #expect(PreparedAppend(try Fixture.event("l", payload: #"{"x":"\#(text)"}"#), to: bench.log, intake: Fixture.time) == nil)
        bench.server.kill()
        #expect(await eventually { bench.connection.state != .connected })
        #expect(PreparedAppend(try Fixture.event("d"), to: bench.log, intake: Fixture.time) == nil)
    }

    @Test func anIDIsStoredOnce() async throws {
        let bench = try await Bench()
        try await Self.warmUp(bench.log)
        let first = try await Self.append(try Fixture.event("a"), to: bench.log).get()
        let again = try await Self.append(try Fixture.event("a"), to: bench.log).get()
        #expect(again == Appended(cursor: first.cursor, isDuplicate: true))
        let other = try await Self.append(try Fixture.event("a", payload: #"{"incidentId":"i-2"}"#), to: bench.log)
        #expect(#expect(throws: EventLogError.self) { try other.get() }?.code == .conflict)
    }

    @Test func noticesThatTheLogWasReplaced() async throws {
        let bench = try await Bench()
        try await Self.warmUp(bench.log)
        try await bench.fill(10)
        let configuration = try await bench.jetStream.streamInfo("EVENTS").configuration
        try await bench.jetStream.deleteStream("EVENTS")
        _ = try await bench.jetStream.createStream(configuration)
        let other = try await bench.another()
        let appended = try await Self.append(try Fixture.event("first of the new log"), to: bench.log).get()
        #expect(appended.cursor == Cursor(time: Fixture.time, epoch: other.epoch, sequence: 1))
    }

    /// The server is lost without a word: the connection has no pings, so the missing acknowledgement must tell.
    @Test func aServerThatStandsStillIsWaitedFor() async throws {
        let bench = try await Bench { $0.requestTimeout = .milliseconds(300) }
        try await Self.warmUp(bench.log)
        let line = try #require(bench.log.quickLine.ready)
        bench.server.freeze()
        let appending = Task { try await Self.append(try Fixture.event("a"), to: bench.log).get() }
        #expect(await eventually { bench.log.quickLine.ready?.connection !== line.connection })
        bench.server.thaw()
        #expect(try await appending.value.cursor.sequence == 1)
        #expect(await eventually { line.connection.state == .closed })
        try await Self.warmUp(bench.log)
        #expect(try await Self.append(try Fixture.event("b"), to: bench.log).get().cursor.sequence == 2)
    }

    @Test func whatIsInFlightWhenTheServerDiesIsStoredOnce() async throws {
        let bench = try await Bench { $0.requestTimeout = .seconds(2) }
        try await Self.warmUp(bench.log)
        let events = try (0..<50).map { try Fixture.event("\($0)") }
        let prepared = try events.map { try #require(PreparedAppend($0, to: bench.log, intake: Fixture.time)) }
        let results = prepared.map { prepared in
            let result = OneShot<Result<Appended, EventLogError>>()
            prepared.send(timeout: .seconds(60)) { result.settle($0) }
            return result
        }
        bench.server.kill()
        try await bench.server.start()
        var sequences: Set<UInt64> = []
        for result in results { sequences.insert(try await result.value(onCancel: {}).get().cursor.sequence) }
        #expect(sequences == Set(1...50))
        #expect(try await bench.jetStream.streamInfo("EVENTS").state.messages == 50)
    }
}

extension ClosedRange<UInt64> {
    fileprivate func asyncMap<Value>(_ transform: (UInt64) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for number in self { values.append(try await transform(number)) }
        return values
    }
}
