import Testing

@testable import jsonrpc_relay

/// The examples of the JSON-RPC 2.0 specification, section 7. Its methods are commands here, answered by a fake service.
@Suite struct SpecificationTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let sent: String
        /// The expected answer; nil for no answer.
        let received: String?
    }

    static let examples = [
        Example(
            testDescription: "call with positional parameters",
            sent: #"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
            received: #"{"jsonrpc": "2.0", "result": 19, "id": 1}"#
        ),
        Example(
            testDescription: "call with positional parameters, the other way round",
            sent: #"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
            received: #"{"jsonrpc": "2.0", "result": -19, "id": 2}"#
        ),
        Example(
            testDescription: "call with named parameters",
            sent: #"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
            received: #"{"jsonrpc": "2.0", "result": 19, "id": 3}"#
        ),
        Example(
            testDescription: "call with named parameters, the other way round",
            sent: #"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
            received: #"{"jsonrpc": "2.0", "result": 19, "id": 4}"#
        ),
        Example(testDescription: "notification", sent: #"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, received: nil),
        Example(testDescription: "notification without parameters", sent: #"{"jsonrpc": "2.0", "method": "foobar"}"#, received: nil),
        Example(
            testDescription: "call of a method that does not exist",
            sent: #"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
            received: #"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#
        ),
        Example(
            testDescription: "call with invalid JSON",
            sent: #"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
            received: #"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#
        ),
        Example(
            testDescription: "call with an invalid request object",
            sent: #"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
            received: #"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#
        ),
        Example(
            testDescription: "batch, invalid JSON",
            sent: """
                [
                  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
                  {"jsonrpc": "2.0", "method"
                ]
                """,
            received: #"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#
        ),
        Example(
            testDescription: "an empty array",
            sent: "[]",
            received: #"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#
        ),
        Example(
            testDescription: "an invalid batch, but not empty",
            sent: "[1]",
            received: #"[{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}]"#
        ),
        Example(
            testDescription: "an invalid batch",
            sent: "[1,2,3]",
            received: """
                [
                  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
                ]
                """
        ),
        Example(
            testDescription: "a batch",
            sent: """
                [
                  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
                  {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
                  {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
                  {"foo": "boo"},
                  {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
                  {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
                ]
                """,
            received: """
                [
                  {"jsonrpc": "2.0", "result": 7, "id": "1"},
                  {"jsonrpc": "2.0", "result": 19, "id": "2"},
                  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
                  {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
                  {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
                ]
                """
        ),
        Example(
            testDescription: "a batch of notifications",
            sent: """
                [
                  {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
                  {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
                ]
                """,
            received: nil
        ),
    ]

    @Test(arguments: examples)
    func example(_ example: Example) throws {
        var engine = makeEngine()
        let outputs = engine.receive(example.sent)
        var sent = outputs.sent
        for command in outputs.commands where command.expectsAnswer {
            sent += engine.completed(command.token, try Self.service(command)).sent
        }
        #expect(sent.count == (example.received == nil ? 0 : 1))
        let received = try example.received.map { try #require(JSONTree($0)) }
        #expect(sent.first.flatMap { JSONTree($0) } == received)
    }

    private static func service(_ command: RelayCommand) throws -> CommandOutcome {
        let params = command.params.flatMap { JSONTree($0) }
        func number(_ tree: JSONTree?) throws -> Int {
            guard case .number(let text) = tree else { throw RPCError.invalidParams("not a number") }
            return try #require(Int(text))
        }
        switch command.method {
        case "subtract":
            let minuend = try number(params?["minuend"] ?? params?.elements?[0])
            return .result(bytes("\(minuend - (try number(params?["subtrahend"] ?? params?.elements?[1])))"))
        case "sum": return .result(bytes("\(try (params?.elements ?? []).reduce(0) { $0 + (try number($1)) })"))
        case "get_data": return .result(bytes(#"["hello", 5]"#))
        default: return .failure(.methodNotFound)
        }
    }
}
