import EventModel
import Testing

@testable import jsonrpc_relay

/// Classification of requests, and the id of the answer.
@Suite struct RequestTests {
    @Test(arguments: [
        "1", "0", "-0", "1.0", "1e3", "1E+2", "-12.50", "12345678901234567890", "0.1", "null", #""""#, #""1""#, #""req_001""#, #""é 🚦""#,
        #""\u0041\/\n""#, #""\ud83d\udea6""#, "\"\(String(repeating: "x", count: 4094))\"",
    ])
    func anIDIsEchoedByteForByte(_ id: String) {
        var engine = makeEngine()
        #expect(
            engine.answer(#"{"jsonrpc":"2.0","method":"ping","id": \#(id) }"#) == #"{"jsonrpc":"2.0","id":\#(id),"result":{"pong":true}}"#
        )
        #expect(
            engine.receive(#"{"jsonrpc":"1.0","method":"ping","id":\#(id)}"#).sent[0].hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"error""#)
        )
    }

    @Test(arguments: ["true", "false", "{}", "[]", "[1]", #"{"id":1}"#, "\"\(String(repeating: "x", count: 4095))\"", #"1,"id":1"#])
    func whatCannotBeAnIDIsAnsweredWithNull(_ id: String) {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","method":"ping","id":\#(id)}"#)
        #expect(outputs.code == -32600)
        #expect(outputs.count == 1 && JSONTree(outputs.sent[0])?["id"] == .null)
    }

    @Test(arguments: [
        #"{"method":"ping","id":5}"#, #"{"jsonrpc":2.0,"method":"ping","id":5}"#, #"{"jsonrpc":"2","method":"ping","id":5}"#,
        #"{"jsonrpc":"2.0","id":5}"#, #"{"jsonrpc":"2.0","method":null,"id":5}"#, #"{"jsonrpc":"2.0","id":5,"x":1,"x":1,"method":"ping"}"#,
        #"{"jsonrpc":"2.0","method":"ping","method":"ping","id":5}"#, #"{"jsonrpc":"2.0","jsonrpc":"2.0","method":"ping","id":5}"#,
        #"{"jsonrpc":"2.0","method":"ping","params":{},"params":{},"id":5}"#,
    ])
    func whatIsNoRequestIsAnsweredWithItsID(_ text: String) {
        var engine = makeEngine()
        let outputs = engine.receive(text)
        #expect(outputs.code == -32600)
        #expect(JSONTree(outputs.sent[0])?["id"] == .number("5"))
    }

    /// Responses get no response: two peers that answered each other's would loop forever.
    @Test(arguments: [
        #"{"jsonrpc":"2.0","result":1,"id":5}"#, #"{"jsonrpc":"2.0","result":null,"id":5}"#, #"{"jsonrpc":"2.0","error":{},"id":null}"#,
        #"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}"#, #"{"result":1,"error":null,"id":{}}"#,
        #"{"jsonrpc":"2.0","result":1}"#, #"{"result":1}"#, #"{"id":1,"method":null,"result":{}}"#, #"{"res\u0075lt":1,"result":2}"#,
        #"[{"jsonrpc":"2.0","result":1,"id":5}]"#,
        #"[{"jsonrpc":"2.0","error":{},"id":5},{"jsonrpc":"2.0","method":"no.such"},{"jsonrpc":"2.0","result":1,"id":6}]"#,
    ])
    func responsesAreDropped(_ text: String) {
        var engine = makeEngine()
        #expect(engine.receive(text).sent == [])
    }

    @Test func aBatchIsAnsweredWithoutItsResponses() {
        var engine = makeEngine()
        let answer = engine.answer(
            #"[{"jsonrpc":"2.0","result":1,"id":5},{"jsonrpc":"2.0","method":"ping","id":6},{"jsonrpc":"2.0","error":{},"id":7},1]"#
        )
        let ids = answer.flatMap { JSONTree($0)?.elements }?.map { $0["id"] }
        #expect(ids == [.number("6"), .null])
    }

    @Test func aRequestMayHaveUnusedMembersOfAResponse() {
        var engine = makeEngine()
        let answer = engine.answer(#"{"jsonrpc":"2.0","method":"ping","params":null,"result":null,"error":null,"id":1}"#)
        #expect(answer == #"{"jsonrpc":"2.0","id":1,"result":{"pong":true}}"#)
    }

    @Test func twoRelaysThatAreConnectedToEachOtherFallSilent() {
        var (left, right) = (makeEngine(), makeEngine())
        var onTheirWay = ["nonsense", "[1,{}]", #"{"jsonrpc":"2.0","method":"ping","id":1}"#].flatMap { left.receive($0).sent }
        #expect(onTheirWay.count == 3)
        onTheirWay = onTheirWay.flatMap { right.receive($0).sent }.flatMap { left.receive($0).sent }
        #expect(onTheirWay.isEmpty)
    }

    @Test(arguments: [
        "", " ", "nul", "{", "}", "[", "[1,]", "{]", #"{"a"}"#, #"{"jsonrpc":"2.0","method":"ping","id":1}x"#, "\u{FEFF}{}", "[1] [2]",
        #"{"jsonrpc":"2.0","method":"\ud800","id":1}"#, #"{"jsonrpc":"2.0","method":"ping","id":"\udc00"}"#,
        #"{"jsonrpc":"2.0","method":"ping","id":01}"#,
        "{\"jsonrpc\":\"2.0\",\"method\":\"pi\nng\",\"id\":1}", "NaN", "'1'",
        String(repeating: "[", count: 30_000), String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
        #"{"jsonrpc":"2.0","method":"ping","id":1,"params":"# + String(repeating: #"{"a":"#, count: 64) + "1"
            + String(repeating: "}", count: 65),
    ])
    func whatIsNoJSONIsAParseError(_ text: String) {
        var engine = makeEngine()
        #expect(engine.answer(text) == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#)
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0xFF],
        ] as [[UInt8]]
    )
    func whatIsNoUTF8IsAParseError(_ id: [UInt8]) {
        var engine = makeEngine()
        let outputs = engine.receive(bytes(#"{"jsonrpc":"2.0","method":"ping","id":"#) + id + bytes("}"))
        #expect(outputs.code == -32700)
    }

    @Test(arguments: ["7", #""text""#, "true", "false", "null", "-0.5", "{ }"])
    func aValueThatIsNoRequest(_ text: String) {
        var engine = makeEngine()
        #expect(engine.answer(" \(text) ") == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}"#)
    }

    @Test func namesMayBeEscaped() {
        var engine = makeEngine()
        #expect(
            engine.answer(#"{"json\u0072pc":"2\u002e0","m\u0065thod":"\u0070ing","\u0069d":1}"#)
                == #"{"jsonrpc":"2.0","id":1,"result":{"pong":true}}"#
        )
    }

    @Test func nothingOfABatchIsDoneIfItCannotBeReadToItsEnd() {
        var engine = makeEngine()
        let outputs = engine.receive(#"[{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"i"}},{]"#)
        #expect(outputs.code == -32700 && outputs.count == 1)
        #expect(engine.subscriptions.all.isEmpty)
    }

    @Test func aBatchHasABound() {
        var engine = makeEngine()
        func batch(_ count: Int) -> String {
            "[" + (0..<count).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"ping"}"# }.joined(separator: ",") + "]"
        }
        let most = JSONTree(engine.receive(batch(100)).sent[0])?.elements
        #expect(most?.count == 100 && most?[99]["id"] == .number("99"))
        #expect(engine.receive(batch(101)).code == -32600)
    }

    @Test func aBatchHoldsNotificationsOfTheRelayApart() {
        var engine = makeEngine()
        let outputs = engine.receive(#"[{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","method":"ping","id":1}]"#)
        #expect(outputs.sent == [#"[{"jsonrpc":"2.0","id":1,"result":{"pong":true}}]"#, #"{"jsonrpc":"2.0","method":"pong","params":{}}"#])
    }
}
