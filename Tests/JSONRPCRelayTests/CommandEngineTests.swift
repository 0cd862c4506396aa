import Testing

@testable import jsonrpc_relay

/// The life cycle of commands in the engine: sent, pending, answered, cancelled.
@Suite struct CommandEngineTests {
    @Test func aCommandGoesOutWithItsParamsAsTheyWere() throws {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":1.0,"method":"agent.run","params": { "a" : 1e0 } }"#)
        let command = try #require(outputs.commands.first)
        #expect(outputs.count == 1)
        #expect(command.method == "agent.run" && command.expectsAnswer)
        #expect(command.params == bytes(#"{ "a" : 1e0 }"#))
        #expect(
            engine.progressed(command.token, bytes(#"{"step":1}"#)).sent == [
                #"{"jsonrpc":"2.0","method":"agent.run.progress","params":{"requestId":1.0,"step":1}}"#
            ]
        )
        #expect(engine.progressed(command.token, bytes(" { } ")).sent.allSatisfy { JSONRPCChecker.fault(bytes($0)) == nil })
        #expect(engine.completed(command.token, .result(bytes("[1]"))).sent == [#"{"jsonrpc":"2.0","id":1.0,"result":[1]}"#])
        // The command has ended; late messages are dropped.
        #expect(engine.completed(command.token, .result(bytes("2"))) == [])
        #expect(engine.progressed(command.token, bytes("{}")) == [])
        #expect(engine.closed() == [])
    }

    @Test func aServicesErrorIsPassedOn() throws {
        var engine = makeEngine()
        let command = try #require(engine.receive(#"{"jsonrpc":"2.0","id":"x","method":"m"}"#).commands.first)
        let error = RPCError(code: 17, message: "no", data: bytes("[1]"))
        #expect(
            engine.completed(command.token, .failure(error)).sent == [
                #"{"jsonrpc":"2.0","id":"x","error":{"code":17,"message":"no","data":[1]}}"#
            ]
        )
    }

    @Test func aNotificationExpectsNothing() throws {
        var engine = makeEngine()
        let command = try #require(engine.receive(#"{"jsonrpc":"2.0","method":"agent.run"}"#).commands.first)
        #expect(!command.expectsAnswer && command.params == nil)
        #expect(engine.progressed(command.token, bytes("{}")) == [])
        #expect(engine.completed(command.token, .failure(.methodNotFound)) == [])
        #expect(engine.closed() == [])
    }

    @Test(arguments: [
        "rpc.discover", "rpc.", "connected", "pong", "investigation.progress", "approval.resolved", "stream.gap", "investigation", "",
        String(repeating: "m", count: 129),
    ])
    func someNamesNeverReachTheBus(_ method: String) {
        var engine = makeEngine()
        let outputs = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)"}"#)
        #expect(outputs.code == -32601 && outputs.count == 1)
        #expect(engine.receive(#"{"jsonrpc":"2.0","method":"\#(method)"}"#) == [])
    }

    @Test(arguments: [
        "investigation.start", "remediation.propose", "rpc", "rpcs.x", "Ping", "a b*>.", "日本", "rpc\u{301}.x",
        String(repeating: "m", count: 128),
    ])
    func otherNamesDo(_ method: String) {
        var engine = makeEngine()
        #expect(engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"\#(method)"}"#).commands.map(\.method) == [method])
    }

    @Test func paramsThatAreNullAreNone() {
        var engine = makeEngine()
        let commands = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"agent.run","params":null}"#).commands
        #expect(commands.count == 1 && commands[0].params == nil)
    }

    @Test func outstandingCommandsAreBounded() throws {
        var engine = makeEngine()
        let request = #"{"jsonrpc":"2.0","id":1,"method":"m"}"#
        let commands = (0..<32).flatMap { _ in engine.receive(request).commands }
        #expect(commands.count == 32)
        let refused = engine.receive(request)
        #expect(refused.code == -32005 && refused.count == 1)
        // The relay's own methods still work; a command without an id counts like any other, but gets no error.
        #expect(engine.answer(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)?.contains("pong") == true)
        let silent = engine.receive(#"{"jsonrpc":"2.0","method":"m"}"#)
        #expect(silent.commands.isEmpty && silent.sent.isEmpty)
        _ = engine.completed(commands[3].token, .result(bytes("1")))
        #expect(engine.receive(request).commands.count == 1)
    }

    @Test func aBatchIsHeldUntilItsLastCommandIsAnswered() throws {
        var engine = makeEngine()
        let outputs = engine.receive(
            """
            [{"jsonrpc":"2.0","id":1,"method":"slow"},{"jsonrpc":"2.0","id":2,"method":"ping"},7,\
            {"jsonrpc":"2.0","method":"quiet"},{"jsonrpc":"2.0","id":3,"method":"quick"}]
            """
        )
        #expect(outputs.sent == [] && outputs.commands.map(\.method) == ["slow", "quiet", "quick"])
        #expect(engine.completed(outputs.commands[2].token, .result(bytes("3"))) == [])
        // The pending command does not delay others.
        let other = engine.receive(#"[{"jsonrpc":"2.0","id":9,"method":"other"}]"#).commands[0]
        #expect(engine.answer(#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#)?.contains("pong") == true)
        #expect(engine.progressed(outputs.commands[0].token, bytes("{}")).sent.count == 1)
        #expect(engine.completed(other.token, .result(bytes("9"))).sent == [#"[{"jsonrpc":"2.0","id":9,"result":9}]"#])
        let answer = try #require(JSONTree(engine.completed(outputs.commands[0].token, .failure(.deadlineExceeded)).sent[0]))
        #expect(answer.elements?.map { $0["id"] } == [.number("1"), .number("2"), .null, .number("3")])
        #expect(answer.elements?[0]["error"]?["code"] == .number("-32003"))
    }

    @Test func whatIsUnderWayIsCalledOffWhenTheClientGoes() {
        var engine = makeEngine()
        let first = engine.receive(#"{"jsonrpc":"2.0","id":1,"method":"a"}"#).commands[0]
        let second = engine.receive(#"[{"jsonrpc":"2.0","id":2,"method":"b"},{"jsonrpc":"2.0","method":"c"}]"#).commands[0]
        #expect(engine.closed() == [.cancel(first.token), .cancel(second.token)])
        #expect(engine.completed(second.token, .result(bytes("1"))) == [])
        #expect(engine.closed() == [])
    }
}
