import Basics
import EventModel
import Testing

@testable import approval_api

@Suite struct DecisionRequestTests {
    @Test(arguments: [
        (#"{"action":"approve"}"#, DecisionAction.approve, nil),
        (#" { "reason" : "why" , "action" : "reject" , "other" : [1] } "#, .reject, "why"),
        (#"{"action":"\u0061pprove","reason":null}"#, .approve, nil),
        (#"{"action":"approve","reason":""}"#, .approve, nil),
        // Unknown members are ignored, even those that events must not have.
        (#"{"action":"approve","type":"x","timestamp":1}"#, .approve, nil),
        (#"{"action":"approve","reason":"a\u0000b\n"}"#, .approve, "a\u{0}b\n"),
    ])
    func reads(_ body: String, _ action: DecisionAction, _ reason: String?) throws {
        let form = try DecisionRequest(Array(body.utf8))
        #expect(form.action == action)
        #expect(form.reason == reason)
    }

    @Test(arguments: [
        "", "null", "[]", "\"approve\"", "{", "{}", #"{"action":null}"#, #"{"action":"expire"}"#, #"{"action":"Approve"}"#,
        #"{"action":["approve"]}"#, #"{"action":"approve"} x"#, #"{"action":"approve","action":"reject"}"#,
        #"{"action":"approve","\u0061ction":"reject"}"#, #"{"action":"approve","reason":7}"#,
        #"{"action":"approve","x":{"a":1,"a":2}}"#, #"{"action":"approve","reason":"\ud800"}"#, "\u{FEFF}{\"action\":\"approve\"}",
        #"{"action":"approve","x":\#(String(repeating: "[", count: 1000))\#(String(repeating: "]", count: 1000))}"#,
    ])
    func refuses(_ body: String) {
        #expect(throws: ValidationError.self) { try DecisionRequest(Array(body.utf8)) }
    }

    @Test func refusesWhatIsNotUTF8() {
        #expect(throws: ValidationError.self) {
            try DecisionRequest(Array(#"{"action":"approve","reason":""#.utf8) + [0xE3] + Array("\"}".utf8))
        }
    }

    @Test func boundsTheReasonInCodePoints() throws {
        let longest = String(repeating: "ä", count: DecisionRequest.maximumReason - 1) + "😀"
        #expect(try DecisionRequest(Array(#"{"action":"approve","reason":"\#(longest)"}"#.utf8)).reason == longest)
        #expect(throws: ValidationError.self) { try DecisionRequest(Array(#"{"action":"approve","reason":"\#(longest)x"}"#.utf8)) }
    }
}
