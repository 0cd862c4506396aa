import ArgumentParser
import Basics
import EventModel
import Synchronization
import TestKit
import Testing

@testable import OperatorCommands

/// Items of streams in; lines, bars and ends out.
@Suite struct StreamCommandTests {
    private static let plain = Terminal(isTerminal: false, choice: .auto, environment: [:])
    private static let screen = Terminal(isTerminal: true, width: 60, choice: .never, environment: [:])
    private static let now = Timestamp(millisecondsSinceEpoch: 1_000_000)

    private static func event(at milliseconds: Int64) -> StreamEvent {
        let data = #"{"type":"a.b","n":1,"timestamp":"2024-04-01T14:32:10.000Z"}"#
        let cursor = Cursor(time: Timestamp(millisecondsSinceEpoch: milliseconds), epoch: 1, sequence: 1)
        return StreamEvent(id: cursor.text, type: "a.b", data: data)
    }

    /// Collects lines.
    private final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock(\.self) }
        func add(_ line: String) { kept.withLock { $0.append(line) } }
    }

    // MARK: Beginning

    @Test func aBeginningIsACursorOrATime() throws {
        let cursor = Cursor(time: Self.now, epoch: 1, sequence: 7).text
        #expect(StreamStart(cursor, now: Self.now) == .cursor(cursor))
        #expect(StreamStart("start", now: Self.now) == .oldest)
        #expect(StreamStart("10s", now: Self.now) == .moment(Timestamp(millisecondsSinceEpoch: 990_000)))
        #expect(StreamStart("1970-01-01T00:00:01Z", now: Self.now) == .moment(Timestamp(millisecondsSinceEpoch: 1000)))
        for text in ["", "evt_x", "yesterday", "-1s"] { #expect(StreamStart(text, now: Self.now) == nil) }
        #expect(StreamStart.cursor(cursor).lastEventID == cursor && StreamStart.oldest.lastEventID == "")
        let moment = StreamStart.moment(Self.now)
        #expect(moment.lastEventID == "" && moment.isBefore(Self.event(at: 999_999)) && !moment.isBefore(Self.event(at: 1_000_000)))
        #expect(!StreamStart.oldest.isBefore(Self.event(at: 0)))
    }

    @Test func aTailAsksForItsFilterAndBeginning() throws {
        let command = try TailCommand.parse(["--types", "a.*,b.c", "--since", "start"])
        let request = command.request(from: .oldest)
        #expect(request.address == "/v1/notifications/stream?types=a.%2A%2Cb.c" && request.lastEventID == "")
        #expect(try TailCommand.parse([]).request(from: nil).lastEventID == nil)
        for arguments in [["--types", "A b"], ["--since", "soon"], ["--limit", "0"], ["--output", "xml"], ["--color", "red"]] {
            #expect(throws: (any Error).self) { try TailCommand.parse(arguments) }
        }
    }

    // MARK: Lines

    @Test func anEventIsALine() {
        let event = Self.event(at: 0)
        #expect(EventText.line(event, on: Self.plain) == "2024-04-01T14:32:10.000Z  \(event.id ?? "")  a.b  {\"n\":1}")
        let empty = StreamEvent(id: "1", type: "a.b", data: #"{"type":"a.b","timestamp":"2024-04-01T14:32:10.000Z"}"#)
        #expect(EventText.line(empty, on: Self.plain) == "2024-04-01T14:32:10.000Z  1  a.b  {}")
        let strange = StreamEvent(id: nil, type: "a.b", data: "{\"x\":\"\u{202E}\"}")
        #expect(EventText.line(strange, on: Self.plain) == "a.b  {\"x\":\"\\u202E\"}")
        #expect(EventText.json(empty) == #"{"id":"1","type":"a.b","data":\#(empty.data)}"#)
        #expect(EventText.json(StreamEvent(id: nil, type: "a", data: "{")) == #"{"type":"a","data":"{"}"#)
        let gap = #"{"type":"stream.gap","data":{"reason":"expired","missedBefore":"evt_1"}}"#
        #expect(EventText.json(gap: "expired", missedBefore: "evt_1") == gap)
    }

    @Test func coloursAreForTerminals() {
        func hasColors(_ isTerminal: Bool, _ choice: ColorChoice, _ environment: [String: String] = [:]) -> Bool {
            Terminal(isTerminal: isTerminal, choice: choice, environment: environment).hasColors
        }
        #expect(hasColors(true, .auto) && hasColors(false, .always) && hasColors(true, .auto, ["NO_COLOR": ""]))
        #expect(!hasColors(false, .auto) && !hasColors(true, .never))
        #expect(!hasColors(true, .auto, ["NO_COLOR": "1"]) && !hasColors(true, .auto, ["TERM": "dumb"]))
    }

    @Test func aTailEndsAtItsLimitAndLeavesOutWhatIsEarlier() {
        let lines = Lines()
        let printer = TailCommand.Printer(terminal: Self.plain, form: .json, start: .moment(Self.now), limit: 1, print: lines.add)
        #expect(printer.take(.event(Self.event(at: 0))) == .more && lines.all.isEmpty)
        #expect(printer.take(.gap(reason: "unknown_cursor", missedBefore: nil)) == .more)
        let event = Self.event(at: 1_000_000)
        #expect(printer.take(.event(event)) == .stop && printer.lastID == event.id)
        #expect(lines.all == [EventText.json(gap: "unknown_cursor", missedBefore: nil), EventText.json(event)])
    }

    @Test func aQuietCommandTellsGapsAlone() {
        let items: [StreamItem] = [
            .opened(execution: nil), .lost(because: "closed", pause: .seconds(2)), .opened(execution: nil), .stalled, .live,
            .gap(reason: "expired", missedBefore: "evt_1"), .event(Self.event(at: 0)),
        ]
        for (isQuiet, count) in [(false, 5), (true, 1)] {
            let lines = Lines()
            var notices = StreamNotices(Self.plain, isQuiet: isQuiet, complain: lines.add)
            for item in items { notices.tell(item) }
            #expect(lines.all.count == count && lines.all.last == "gap: events before evt_1 have left the log and are missing")
        }
    }

    // MARK: Executions

    @Test func anExecutionHasItsAddress() throws {
        let command = try FollowExecutionCommand.parse(["a b", "--workflow", "--execution", "run 1", "--wait"])
        #expect(command.request.address == "/api/streaming/workflows/a%20b/stream?execution=run%201&wait=true")
        #expect(try FollowExecutionCommand.parse(["a"]).request.address == "/api/streaming/agents/a/stream")
        #expect(throws: (any Error).self) { try FollowExecutionCommand.parse([""]) }
    }

    @Test func progressIsABarInATerminalAndALineInAPipe() {
        var progress = ExecutionProgress(.agents)
        let half = StreamEvent(id: "1", type: "progress", data: #"{"step":"analyzing","message":"Reading","progress":0.5}"#)
        #expect(progress.line(half) == "#1  progress   50 %  analyzing  Reading")
        let bar = "[\(String(repeating: "#", count: 15))\(String(repeating: ".", count: 15))]"
        #expect(progress.view(half, on: Self.screen) == .init(lines: [], bar: String("\(bar)   50 %  analyzing  Reading".prefix(59))))
        #expect(progress.outcome == nil)
        let done = StreamEvent(id: "2", type: "complete", data: #"{"result":"done"}"#)
        #expect(progress.view(done, on: Self.screen) == .init(lines: [#"#2  complete  {"result":"done"}"#], bar: nil))
        #expect(progress.outcome == .completed)
        var workflow = ExecutionProgress(.workflows)
        _ = workflow.line(done)
        #expect(workflow.outcome == nil, "complete is no type of workflows")
        _ = workflow.line(StreamEvent(id: "3", type: "workflow_failed", data: "{}"))
        #expect(workflow.outcome == .failed)
    }

    @Test func aBarIsReplaced() {
        let lines = Lines()
        let screen = ExecutionScreen(pass: lines.add)
        screen.show(.init(bar: "a"))
        screen.show(.init(lines: ["b"], bar: "c"))
        screen.clear()
        screen.clear()
        #expect(lines.all == ["a", "\r\u{1B}[Kb\nc", "\r\u{1B}[K", ""])
    }
}
