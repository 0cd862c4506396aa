import ArgumentParser
import Basics
import TestKit
import Testing

@testable import OperatorCommands

/// Lines in; requests, repetitions and exit codes out.
@Suite struct PublishEventsTests {
    private typealias Answer = CausewayServer.Answer

    /// What a run did.
    private struct Course {
        var requests: [String] = []
        var stored: [String] = []
        var complaints: [String] = []
        var summary: PublishedLines<SteppingClock>.Summary?
        var code: Int32?
    }

    private static func accepted(_ cursors: [String]) -> Answer {
        let ids = cursors.map { "\"\($0)\"" }.joined(separator: ",")
        return Answer(status: 202, body: bytes("{\"accepted\":\(cursors.count),\"ids\":[\(ids)]}"))
    }

    private static func refused(_ status: Int) -> Answer { Answer(status: status, body: bytes(#"{"error":"e","message":"m"}"#)) }

    /// Publishes a text, answered by the answers in turn; nil for none.
    private func publish(_ text: String, strict: Bool = false, tenant: String? = nil, _ answers: [Answer?]) async throws -> Course {
        let target = try Target("http://a.example")
        var course = Course()
        var rest = answers[...]
        let client = IntakeClient(clock: SteppingClock(), timeout: .seconds(30)) { request throws(CausewayServer.Unreachable) in
            course.requests.append(String(decoding: request.body ?? [], as: UTF8.self))
            guard let answer = rest.popFirst() ?? nil else { throw CausewayServer.Unreachable(sentence: "away") }
            return answer
        } refusal: {
            ServerRefusal($0, of: target)
        }
        let lines = PublishedLines(client: client, tenant: tenant, isStrict: strict) { id, cursor in
            course.stored.append("\(cursor) \(id)")
        } complain: {
            course.complaints.append($0)
        }
        var pieces = [bytes(text), []][...]
        do {
            course.summary = try await lines.run { pieces.popFirst() ?? [] }
        } catch let code as ArgumentParser.ExitCode {
            course.code = code.rawValue
        }
        return course
    }

    private static func line(_ id: String) -> String { #"{"type":"a.b","payload":{"n":1e400},"id":"\#(id)"}"# }

    @Test func linesAreOneRequestAndKeepTheirBytes() async throws {
        let answers = [Self.accepted(["evt_1"]), Self.accepted(["evt_2"])]
        let course = try await publish("\(Self.line("1"))\n\n\(Self.line("2"))", tenant: "acme", answers)
        let one = #"[{"type":"a.b","payload":{"n":1e400},"tenant":"acme","id":"1"}]"#
        #expect(course.requests == [one, one.replacing(#""id":"1""#, with: #""id":"2""#)], "the last line ends with the input")
        #expect(course.stored == ["evt_1 1", "evt_2 2"] && course.summary == .init(stored: 2, refused: 0) && course.complaints.isEmpty)
    }

    @Test func aRequestIsRepeatedWithTheSameIds() async throws {
        let line = #"{"type":"a.b","payload":{}}"#
        let course = try await publish("\(line)\n", [nil, Self.refused(503), Self.refused(429), Self.accepted(["evt_1"])])
        #expect(course.requests.count == 4 && Set(course.requests).count == 1 && course.requests[0].contains("\"id\":\""))
        #expect(course.summary == .init(stored: 1, refused: 0))
    }

    @Test func aServerThatStaysAwayEndsTheCommand() async throws {
        let course = try await publish("\(Self.line("1"))\n", [])
        #expect(course.code == 69 && course.requests.count > 1 && course.stored.isEmpty)
        #expect(course.complaints.last?.hasPrefix("line 1: unknown whether stored") == true)
        let unavailable = try await publish("\(Self.line("1"))\n", [Self.refused(500)])
        #expect(unavailable.code == 69 && unavailable.requests.count == 1)
        let forbidden = try await publish("\(Self.line("1"))\n", [Self.refused(403)])
        #expect(forbidden.code == 77 && forbidden.requests.count == 1)
    }

    @Test func theEventAtFaultIsFound() async throws {
        let text = ["1", "2", "3"].map { "\(Self.line($0))\n" }.joined()
        let answers = [Self.refused(409), Self.accepted(["evt_1"]), Self.refused(409), Self.accepted(["evt_3"])]
        let course = try await publish(text, answers)
        #expect(course.stored == ["evt_1 1", "evt_3 3"] && course.complaints == ["line 2: m (e)"])
        #expect(course.summary == .init(stored: 2, refused: 1))
        let strict = try await publish(text, strict: true, answers)
        #expect(strict.stored == ["evt_1 1"] && strict.summary == .init(stored: 1, refused: 1))
    }

    @Test func anInvalidLineIsSkipped() async throws {
        let course = try await publish("[]\n{\n\(Self.line("1"))\n", [Self.accepted(["evt_1"])])
        #expect(course.summary == .init(stored: 1, refused: 2) && course.complaints.map { $0.prefix(6) } == ["line 1", "line 2"])
        let strict = try await publish("\(Self.line("1"))\n{\n\(Self.line("2"))\n", strict: true, [Self.accepted(["evt_1"])])
        #expect(strict.stored == ["evt_1 1"] && strict.summary == .init(stored: 1, refused: 1))
    }

    @Test func optionsAreALine() throws {
        let command = try PublishEventsCommand.parse(["--type", "a.b", "--payload", "{\"n\":\n1}", "--user", "ann", "--id", "x"])
        let line = String(decoding: try command.event() ?? [], as: UTF8.self)
        #expect(line == "{\"type\":\"a.b\",\"payload\":{\"n\": 1},\"user\":\"ann\",\"id\":\"x\"}\n")
        #expect(try PublishEventsCommand.parse(["f"]).event() == nil)
        for arguments in [["--type", "a.b", "f"], ["--payload", "{}"], ["--tenant", ""], ["--id", "x", "f"]] {
            #expect(throws: (any Error).self) { try PublishEventsCommand.parse(arguments) }
        }
        #expect(throws: Exit.invalidEvent) { try PublishEventsCommand.parse(["--type", "a.b", "--payload", "["]).event() }
    }
}
