import EventModel
import TestKit
import Testing

@testable import event_producer

@Suite struct CommandReportTests {
    @Test func linesBecomeMessagesWithTheProgressThatWasLastTold() throws {
        var report = CommandReport(run: "r")
        let lines: [(String, String)] = [
            ("Building", #"{"step":"output","message":"Building","progress":0.0}"#),
            (#" {"progress": 0.25, "type": "mine"}"#, #"{"progress": 0.25, "type": "mine"}"#),
            ("tab\t\"quoted\"", #"{"step":"output","message":"tab\t\"quoted\"","progress":0.25}"#),
            (#"{"progress": 7}"#, #"{"step":"output","message":"{\"progress\": 7}","progress":0.25}"#),
            (#"{"message": "no progress"}"#, #"{"step":"output","message":"{\"message\": \"no progress\"}","progress":0.25}"#),
            (#"{"progress": 0.5"#, #"{"step":"output","message":"{\"progress\": 0.5","progress":0.25}"#),
        ]
        for (line, payload) in lines {
            let event = try report.event(bytes(line), from: .output)
            #expect(event.type.name == "progress" && event.run == "r")
            #expect(String(decoding: event.payload.bytes, as: UTF8.self).drop { $0 == " " } == payload)
        }
    }

    @Test(arguments: [
        (WrappedCommand.Outcome.exit(0), "complete", #"{"result":"exit status 0","exitStatus":0,"duration":12}"#),
        (.exit(3), "failed", #"{"error":"exit status 3","exitStatus":3,"duration":12}"#),
        (.signal(9), "failed", #"{"error":"ended by signal 9","exitStatus":137,"duration":12}"#),
    ])
    func theEndSaysHowItWent(outcome: WrappedCommand.Outcome, type: String, payload: String) throws {
        let end = try CommandReport(run: "r").end(outcome, milliseconds: 12)
        #expect(end.type.name == type && end.isFinal)
        #expect(String(decoding: end.payload.bytes, as: UTF8.self) == payload)
    }

    @Test func linesEndWithWhateverProgramsEndThemWith() {
        var splitter = OutputSplitter(maximumBytes: 4)
        #expect(splitter.take(bytes("a\nb")) == [bytes("a")])
        #expect(splitter.take(bytes("c\r\n10%\r20%\r \n\n123456\nrest")) == [bytes("bc"), bytes("10%"), bytes("20%"), bytes("1234")])
        #expect(splitter.finish() == bytes("rest"))
        #expect(splitter.finish() == nil)
    }
}
