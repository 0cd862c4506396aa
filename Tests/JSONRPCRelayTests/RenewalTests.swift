import AccessControl
import Basics
import EdgeRuntime
import EventModel
import TestKit
import Testing

@testable import jsonrpc_relay

/// The method `authenticate` in the engine (contract §6, §13).
@Suite struct RenewalTests {
    /// Expires at 2023-11-14T22:13:20Z.
    private let principal = Principal(user: "ann", tenant: "acme", roles: [.member], expiresAt: 1_700_000_000)

    @Test func theTokenGoesOutAndItsExpiryComesBack() throws {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":"r","method":"authenticate","params":{"token":"a.b.\u0063","x":[1]}}"#)
        let renewal = try #require(outputs.renewals.first)
        #expect(outputs == [.authenticate(renewal.number, token: "a.b.c")])
        // Others are answered meanwhile.
        #expect(engine.answer(#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#)?.contains("pong") == true)
        #expect(
            engine.authenticated(renewal.number, .renewed(principal)).sent == [
                #"{"jsonrpc":"2.0","id":"r","result":{"expiresAt":"2023-11-14T22:13:20.000Z"}}"#
            ]
        )
        #expect(engine.closed() == [])
    }

    @Test(arguments: [
        "", #","params":null"#, #","params":[]"#, #","params":["a"]"#, #","params":{}"#, #","params":{"token":null}"#,
        #","params":{"token":1}"#, #","params":{"token":["a"]}"#, #","params":{"Token":"a"}"#,
    ])
    func malformedParamsAreAnError(_ params: String) {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"authenticate"\#(params)}"#)
        #expect(outputs.code == -32602 && outputs.renewals.isEmpty)
        #expect(engine.receive(#"{"jsonrpc":"2.0","method":"authenticate"\#(params)}"#) == [])
    }

    @Test func twoTokensInOneRequestAreNoRequest() {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"token":"a","token":"b"}}"#)
        #expect(outputs.code == -32600 && outputs.renewals.isEmpty)
    }

    @Test func aNotificationRenewsWithoutAnAnswer() throws {
        var engine = makeEngine()
        let renewal = try #require(engine.receive(#"{"jsonrpc":"2.0","method":"authenticate","params":{"token":"a"}}"#).renewals.first)
        #expect(engine.authenticated(renewal.number, .renewed(principal)) == [])
    }

    @Test func oneThatIsNotTakenIsAnError() throws {
        var engine = makeEngine()
        let request = #"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"token":"a"}}"#
        let first = try #require(engine.receive(request).renewals.first), second = try #require(engine.receive(request).renewals.first)
        #expect(engine.authenticated(second.number, .underWay).code == -32005)
        #expect(engine.authenticated(first.number, .renewed(principal)).sent.count == 1)
        #expect(engine.authenticated(first.number, .renewed(principal)) == [])
    }

    @Test func inABatchItsAnswerStandsAtItsPlace() throws {
        var engine = makeEngine()
        let outputs = engine.receive(
            """
            [{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"authenticate","params":{"token":"a"}},\
            {"jsonrpc":"2.0","id":3,"method":"authenticate","params":{"token":"b"}}]
            """
        )
        #expect(outputs.sent == [] && outputs.renewals.map(\.token) == ["a", "b"])
        #expect(engine.authenticated(outputs.renewals[1].number, .underWay) == [])
        let answer = try #require(JSONTree(engine.authenticated(outputs.renewals[0].number, .renewed(principal)).sent[0]))
        #expect(answer.elements?.map { $0["id"] } == [.number("1"), .number("2"), .number("3")])
        #expect(answer.elements?[1]["result"]?["expiresAt"] != nil)
        #expect(answer.elements?[2]["error"]?["code"] == .number("-32005"))
    }

    @Test func itTakesNoPlaceOfACommand() {
        var engine = makeEngine()
        let command = #"{"jsonrpc":"2.0","id":1,"method":"m"}"#
        let renewal = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"token":"a"}}"#).renewals
        for _ in 0..<32 { #expect(engine.receive(command).commands.count == 1) }
        #expect(engine.receive(command).code == -32005)
        #expect(engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"authenticate","params":{"token":"a"}}"#).renewals.count == 1)
        #expect(engine.authenticated(renewal[0].number, .renewed(principal)).sent.count == 1)
        #expect(engine.receive(command).code == -32005)
    }
}

extension [RelayOutput] {
    fileprivate var renewals: [(number: CommandToken, token: String)] {
        compactMap { if case .authenticate(let number, let token) = $0 { (number, token) } else { nil } }
    }
}
