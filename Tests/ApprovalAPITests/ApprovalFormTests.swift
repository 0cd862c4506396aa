import Basics
import EventModel
import Testing

@testable import approval_api

@Suite struct ApprovalFormTests {
    @Test(arguments: [
        (#"{"action":"approve"}"#, DecisionAction.approve, nil),
        (#" { "reason" : "why" , "action" : "reject" , "other" : [1] } "#, .reject, "why"),
        (#"{"action":"\u0061pprove","reason":null}"#, .approve, nil),
        (#"{"action":"approve","reason":""}"#, .approve, nil),
    ])
    func reads(_ body: String, _ action: DecisionAction, _ reason: String?) throws {
        let form = try ApprovalForm(Array(body.utf8))
        #expect(form.action == action)
        #expect(form.reason == reason)
    }

    @Test(arguments: [
        "", "null", "[]", "\"approve\"", "{", "{}", #"{"action":null}"#, #"{"action":"expire"}"#, #"{"action":"Approve"}"#,
        #"{"action":["approve"]}"#, #"{"action":"approve"} x"#, #"{"action":"approve","action":"reject"}"#,
        #"{"action":"approve","\u0061ction":"reject"}"#, #"{"action":"approve","reason":7}"#,
    ])
    func refuses(_ body: String) {
        #expect(throws: ValidationError.self) { try ApprovalForm(Array(body.utf8)) }
    }

    @Test func boundsTheReasonInCodePoints() throws {
        let longest = String(repeating: "ä", count: ApprovalForm.maximumReason - 1) + "😀"
        #expect(try ApprovalForm(Array(#"{"action":"approve","reason":"\#(longest)"}"#.utf8)).reason == longest)
        #expect(throws: ValidationError.self) { try ApprovalForm(Array(#"{"action":"approve","reason":"\#(longest)x"}"#.utf8)) }
    }
}
