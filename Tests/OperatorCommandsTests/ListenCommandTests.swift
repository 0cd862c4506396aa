import ArgumentParser
import Basics
import EventModel
import Synchronization
import TestKit
import Testing
import Webhooks

@testable import OperatorCommands

/// Answers of long polls in, messages out.
@Suite struct PolledEventsTests {
    private static let time = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
    private static let first = "evt_01HX9VTPQR0080000000000041"
    private static let second = "evt_01HX9VTPQR0080000000000042"

    private static func events(_ text: String) -> PolledEvents? { PolledEvents(bytes(text), now: time) }

    @Test func aMessageHasTheBytesOfThePayload() throws {
        let payload = "{ \"n\":1e400,\"text\":\"\\u00e9\u{e9}\",\n\"deep\":[[{}]]}"
        let text = """
            \u{20}{"events":[{"id":"\(Self.first)","type":"load.tick","payload":\(payload),"timestamp":"2024-04-01T14:32:10.000Z"}
             ], "cursor":"\(Self.second)"}
            """
        let answer = try #require(Self.events(text))
        let event = try #require(answer.events.first)
        let expected = "{\"type\":\"load.tick\",\"timestamp\":\"2024-04-01T14:32:10.000Z\",\"data\":\(payload)}"
        #expect(event.message.id == Self.first && event.message.body == bytes(expected))
        #expect(answer.events.count == 1 && answer.gap == nil && answer.cursor.text == Self.second)
    }

    @Test func aPayloadMayHaveAllLevels() throws {
        let depth = JSONScanner.maximumDepth - 1
        let payload = #"{"a":\#(String(repeating: "[", count: depth))\#(String(repeating: "]", count: depth))}"#
        let event = #"{"id":"\#(Self.first)","type":"load.tick","payload":\#(payload),"timestamp":"2024-04-01T14:32:10.000Z"}"#
        #expect(Self.events(#"{"events":[\#(event),\#(event)],"cursor":"\#(Self.second)"}"#)?.events.count == 2)
    }

    @Test(arguments: [
        (#"{"reason":"expired","missedBefore":"\#(PolledEventsTests.second)"}"#, PolledEventsTests.first),
        (#"{"reason":"unknown_cursor"}"#, PolledEventsTests.second),
    ])
    func aGapIsAMessageAtThePlaceToResumeFrom(gap: String, id: String) throws {
        let answer = try #require(Self.events(#"{"events":[],"cursor":"\#(Self.second)","gap":\#(gap)}"#))
        let message = try #require(answer.gap?.message)
        let expected = #"{"type":"stream.gap","timestamp":"2024-04-01T14:32:10.000Z","data":\#(gap)}"#
        #expect(message.id == id && message.body == bytes(expected))
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"events":[],"cursor":"x"}"#, #"{"events":[]}"#, #"{"cursor":"\#(PolledEventsTests.first)"}"#,
        #"{"events":[{}],"cursor":"\#(PolledEventsTests.first)"}"#, #"{"events":[],"cursor":"\#(PolledEventsTests.first)""#,
        #"{"events":[],"cursor":"\#(PolledEventsTests.first)"}}"#,
        #"{"events":[],"cursor":"\#(PolledEventsTests.first)","gap":{"reason":"expired"}}"#,
        #"{"events":[],"cursor":"\#(PolledEventsTests.first)","gap":{"reason":"other"}}"#,
    ])
    func whatIsNoAnswerOfALongPoll(text: String) {
        #expect(Self.events(text) == nil)
    }
}

/// Polls and deliveries, on a clock that does not wait.
@Suite struct ListenTests {
    private typealias Answer = CausewayServer.Answer

    private static let cursor = "evt_01HX9VTPQR0080000000000041"
    private static let empty = #"{"events":[],"cursor":"evt_01HX9VTPQR0080000000000041"}"#

    /// What a function under test gets, in order, and what it says.
    private final class Script<Input: Sendable, Output: Sendable>: Sendable {
        private let outputs: Mutex<[Output]>
        let inputs = Mutex<[Input]>([])
        let lines = Mutex<[String]>([])

        init(_ outputs: [Output]) { self.outputs = Mutex(outputs) }

        func next(_ input: Input) -> Output {
            inputs.withLock { $0.append(input) }
            return outputs.withLock { $0.removeFirst() }
        }

        func say(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private static func polling(
        _ script: Script<CausewayServer.Request, Answer?>,
        from place: EventPolling<SteppingClock>.Place,
        clock: SteppingClock = SteppingClock()
    ) throws -> EventPolling<SteppingClock> {
        let target = try Target("http://a.example")
        return EventPolling(from: place, types: "load.*", clock: clock) { request throws(CausewayServer.Unreachable) in
            guard let answer = script.next(request) else { throw CausewayServer.Unreachable(sentence: "away") }
            return answer
        } refusal: {
            ServerRefusal($0, of: target)
        } complain: {
            script.say($0)
        }
    }

    @Test func theFirstPollTellsThePlaceAndTheNextOneWaitsThere() async throws {
        let script = Script<CausewayServer.Request, Answer?>(Array(repeating: Answer(status: 200, body: bytes(Self.empty)), count: 2))
        var polling = try Self.polling(script, from: .head)
        for _ in 0..<2 { _ = try await polling.next() }
        #expect(
            script.inputs.withLock { $0.map(\.address) } == [
                "/v1/events?wait=0s&limit=1000&types=load.%2A",
                "/v1/events?wait=30s&last_event_id=\(Self.cursor)&limit=1000&types=load.%2A",
            ]
        )
    }

    @Test func theOldestEventIsAskedForByAnEmptyCursor() throws {
        let script = Script<CausewayServer.Request, Answer?>([])
        #expect(try Self.polling(script, from: .oldest).request.address == "/v1/events?wait=30s&last_event_id=&limit=1000&types=load.%2A")
    }

    @Test func outagesAndTruncatedAnswersAreWaitedOut() async throws {
        var busy = Answer(status: 503, body: bytes(#"{"error":"service_unavailable","message":"m"}"#))
        busy.retryAfter = .seconds(7)
        let script = Script<CausewayServer.Request, Answer?>([
            nil, busy, Answer(status: 200, body: bytes(#"{"events":["#)), Answer(status: 200, body: bytes(Self.empty)),
        ])
        let clock = SteppingClock()
        var polling = try Self.polling(script, from: .after("x"), clock: clock)
        #expect(try await polling.next().events.isEmpty)
        let asked = script.inputs.withLock(\.self)
        #expect(asked.count == 4 && Set(asked).count == 1, "the same place is asked for again")
        #expect(script.lines.withLock(\.count) == 3 && clock.now.offset >= .seconds(7))
    }

    @Test func aRefusalEndsIt() async throws {
        let script = Script<CausewayServer.Request, Answer?>([Answer(status: 401, body: bytes(#"{"error":"unauthorized","message":"m"}"#))])
        var polling = try Self.polling(script, from: .head)
        await #expect(throws: Exit.noPermission) { try await polling.next() }
    }

    // MARK: Deliveries

    private static func event() throws -> PolledEvent {
        let cursor = try #require(Cursor(cursor))
        return PolledEvent(cursor, try EventType("load.tick"), time: .now, data: bytes("{}"))
    }

    private static func forwarder(_ script: Script<SignedMessage, AttemptOutcome>, _ clock: SteppingClock) -> Forwarder<SteppingClock> {
        Forwarder(clock: clock, send: { script.next($0) }, print: { script.say($0) }, complain: { script.say("- \($0)") })
    }

    @Test func aMessageIsSentUntilItIsTaken() async throws {
        let script = Script<SignedMessage, AttemptOutcome>([
            .failed(.unreachable), .answered(.init(status: 500)), .answered(.init(status: 302)),
            .answered(.init(status: 429, retryAfter: .seconds(90))), .answered(.init(status: 204)),
        ])
        let clock = SteppingClock()
        let event = try Self.event()
        try await Self.forwarder(script, clock).deliver(event)
        let lines = script.lines.withLock(\.self)
        #expect(lines.count == 5 && lines.last == "\(Self.cursor)  load.tick  204  0 ms")
        #expect(lines[0].hasPrefix("- \(Self.cursor)  load.tick  the host did not accept a connection, after 0 ms; next attempt in "))
        #expect(lines[3].hasSuffix("next attempt in 90 s"))
        #expect(script.inputs.withLock(\.self) == Array(repeating: event.message, count: 5))
    }

    @Test func aRefusedAddressEndsIt() async throws {
        let script = Script<SignedMessage, AttemptOutcome>([.failed(.refused(.plainText))])
        await #expect(throws: Exit.configuration) { try await Self.forwarder(script, SteppingClock()).deliver(try Self.event()) }
    }

    // MARK: Arguments

    @Test(arguments: [
        "http://localhost:3000/hook", "http://127.0.0.1:3000", "http://[::1]:3000/", "https://10.0.0.1", "https://hooks.example",
    ])
    func receivers(url: String) throws {
        #expect(try ListenCommand.parse(["--forward-to", url]).place == .head)
    }

    @Test(arguments: [
        [], ["--forward-to", "http://10.0.0.1:3000"], ["--forward-to", "http://93.184.216.34"], ["--forward-to", "ftp://localhost"],
        ["--forward-to", "http://u:p@localhost:3000"], ["--forward-to", "http://localhost:3000", "--types", "A"],
        ["--forward-to", "http://localhost:3000", "--since", "soon"],
        ["--forward-to", "http://localhost:3000", "--since", "1h", "--last-event-id", "evt_1"],
        ["--forward-to", "http://localhost:3000", "--token", "t"],
    ])
    func mistakes(arguments: [String]) {
        #expect(throws: (any Error).self) { try ListenCommand.parse(arguments) }
    }

    @Test func wherePollsBegin() throws {
        func place(_ options: String...) throws -> EventPolling<ContinuousClock>.Place {
            try ListenCommand.parse(["--forward-to", "http://localhost:3000"] + options).place
        }
        #expect(try place("--since", "10m") == .oldest)
        #expect(try place("--last-event-id", "") == .oldest)
        #expect(try place("--last-event-id", "evt_1") == .after("evt_1"))
    }

    @Test func aTimeIsAnInstantOrHowLongAgo() throws {
        let now = Timestamp(millisecondsSinceEpoch: 3_600_000)
        #expect(try PastTime.parse("10m").timestamp(at: now) == Timestamp(millisecondsSinceEpoch: 3_000_000))
        #expect(try PastTime.parse("1970-01-01T00:00:01Z").timestamp(at: now) == Timestamp(millisecondsSinceEpoch: 1000))
    }
}
