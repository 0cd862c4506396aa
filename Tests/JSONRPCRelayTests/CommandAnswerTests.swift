import Testing

@testable import jsonrpc_relay

/// The answers of services, and the subjects of commands.
@Suite struct CommandAnswerTests {
    @Test(arguments: ["1", "null", " [1e0]\n", #""text""#, #"{"a":1,"b":{"a":2}}"#])
    func aResultIsPassedOnAsItIs(_ json: String) {
        #expect(CommandAnswer(status: nil, payload: bytes(json)) == .final(.result(bytes(json))))
        #expect(CommandAnswer(status: "result", payload: bytes(json)) == .final(.result(bytes(json))))
    }

    @Test func anErrorIsPassedOnWithoutWhatJSONRPCDoesNotKnow() {
        let answer = CommandAnswer(status: "error", payload: bytes(#"{"message":"n\u006f","code":-5,"data":{"x":1.0},"stack":"…"}"#))
        #expect(answer == .final(.failure(RPCError(code: -5, message: "no", data: bytes(#"{"x":1.0}"#)))))
    }

    @Test(
        arguments: [
            (nil, ""), (nil, "no JSON"), (nil, #"{"a":1,"a":2}"#), (nil, #"[{"b":{"a":1,"\u0061":2}}]"#), ("result", "\u{FEFF}1"),
            (nil, #""\ud800""#), ("result", "1 2"), (nil, String(repeating: "[", count: 99)), ("error", "{}"), ("error", "[]"),
            ("error", "1"),
            ("error", #"{"code":1}"#), ("error", #"{"code":1.5,"message":"m"}"#), ("error", #"{"code":"1","message":"m"}"#),
            ("error", #"{"code":1,"message":null}"#), ("error", #"{"code":1,"code":2,"message":"m"}"#),
            ("error", #"{"code":99999999999999999999,"message":"m"}"#), ("done", "1"), ("", "1"),
        ] as [(String?, String)]
    )
    func whatIsMalformedEndsTheCommand(_ status: String?, _ payload: String) {
        guard case .final(.failure(let error)) = CommandAnswer(status: status, payload: bytes(payload)) else {
            return #expect(Bool(false), "not a failure")
        }
        #expect(error.code == -32004 && error.data != nil)
    }

    @Test func progressIsAnObjectWithoutARequestID() {
        #expect(CommandAnswer(status: "progress", payload: bytes(#" {"step":1} "#)) == .progress(bytes(#" {"step":1} "#)))
        for payload in ["", "1", "[]", "{", #"{"requestId":1}"#, #"{"request\u0049d":1}"#, #"{"a":1,"a":2}"#] {
            guard case .unusable = CommandAnswer(status: "progress", payload: bytes(payload)) else {
                #expect(Bool(false), "\(payload) was taken")
                continue
            }
        }
    }

    @Test(arguments: [
        ("agent.analyze", "rpc.agent.analyze"), ("ping_2", "rpc.ping_2"), ("a b", "rpc.a=20b"), ("*", "rpc.=2A"), ("a.>", "rpc.a.=3E"),
        ("a..b.", "rpc.a.=.b.="), ("é", "rpc.=C3=A9"), ("a=2Eb", "rpc.a=3D2Eb"), ("$SYS.x", "rpc.=24SYS.x"),
        ("a\r\nPUB x", "rpc.a=0D=0APUB=20x"),
    ])
    func aMethodHasOneSubject(_ method: String, _ subject: String) {
        #expect(CommandSubject.request(method) == subject)
    }
}
