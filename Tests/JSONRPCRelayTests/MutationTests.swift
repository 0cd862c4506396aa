import Basics
import Testing

@testable import jsonrpc_relay

/// Mutated valid requests: they never crash the process, every answer is valid JSON-RPC, and a parse error is returned exactly when the
/// second JSON parser rejects the text too.
@Suite struct MutationTests {
    @Test(arguments: [0, 1, 2, 3] as [UInt64])
    func mutationsNeverGetAnInvalidReply(_ seed: UInt64) async throws {
        var generator = SplitMix64(seed: 0xC0FFEE + seed)
        var session = Session()
        var parseErrors = 0
        for round in 0..<25_000 {
            if round % 500 == 0 {
                session = Session()
                // Yield, since other tests run meanwhile.
                await Task.yield()
            }
            let text = Mutator.mutate(Mutator.requests.randomElement(using: &generator) ?? "", using: &generator)
            session.receive(text, using: &generator)
            if let fault = session.fault {
                Issue.record("seed \(seed), round \(round): \(fault)\nsent: \(string(text))\nanswers: \(session.sent)")
                return
            }
            if session.sent.contains(where: { $0.contains("-32700") }) { parseErrors += 1 }
        }
        // Some mutations must break the syntax and others must not, or the test proves nothing.
        #expect((5_000..<23_000).contains(parseErrors), "\(parseErrors) parse errors")
    }
}

/// A connection under test: its engine, and services that answer some of its commands.
private struct Session {
    private var engine = makeEngine()
    private var waiting: [RelayCommand] = []
    private(set) var sent: [String] = []
    private(set) var fault: String?

    mutating func receive(_ text: [UInt8], using generator: inout some RandomNumberGenerator) {
        let tree = JSONTree(text)
        let outputs = engine.receive(text)
        sent = []
        note(outputs)
        waiting += outputs.commands.filter(\.expectsAnswer)
        let isParseError = outputs.sent.first.flatMap { JSONTree($0)?["error"]?["code"] } == .number("-32700")
        if isParseError != (tree == nil) { fault = "a parse error for JSON, or none for something else" }
        if let tree, Self.isResponse(tree), !outputs.isEmpty { fault = "a response is not dropped" }
        if let tree, let expected = Self.expectedID(tree), outputs.commands.isEmpty,
            outputs.sent.first.flatMap({ JSONTree($0)?["id"] }) != expected
        {
            fault = "not answered with its id"
        }
        while let index = waiting.indices.randomElement(using: &generator), waiting.count > 20 || Bool.random(using: &generator) {
            let command = waiting.remove(at: index)
            if let params = command.params, JSONTree(params) == nil { fault = "params that are no JSON" }
            note(engine.progressed(command.token, bytes(#"{"step":1}"#)))
            let outcome: CommandOutcome = Bool.random(using: &generator) ? .result(bytes("[null]")) : .failure(.deadlineExceeded)
            note(engine.completed(command.token, outcome))
        }
    }

    private mutating func note(_ outputs: [RelayOutput]) {
        sent += outputs.sent
        for case .send(let text) in outputs where fault == nil { fault = JSONRPCChecker.fault(text) }
        if engine.subscriptions.count > 256 || engine.commands.count > 32 { fault = "a bound was passed" }
    }

    private static func isResponse(_ tree: JSONTree) -> Bool {
        (tree["method"] ?? .null) == .null && (tree["result"] != nil || tree["error"] != nil)
    }

    /// The expected id of the answer to a single, unambiguous request.
    private static func expectedID(_ tree: JSONTree) -> JSONTree? {
        guard !tree.hasRepetition, tree["method"]?.text != nil, tree["jsonrpc"] == .string("2.0") else { return nil }
        switch tree["id"] {
        case .string(let text) where text.utf8.count < 600: return .string(text)
        case .number(let text): return .number(text)
        case .null: return .null
        default: return nil
        }
    }
}

private enum Mutator {
    static let requests = [
        #"{"jsonrpc":"2.0","id":"req_001","method":"investigation.subscribe","params":{"incidentId":"inc_EXAMPLE_01JX"}}"#,
        #"{"jsonrpc":"2.0","id":1.50,"method":"remediation.subscribe","params":{"incidentId":"é\ud83d\udea6","lastEventId":""}}"#,
        #"{"jsonrpc":"2.0","id":2,"method":"investigation.unsubscribe","params":{"incidentId":"inc_EXAMPLE_01JX"}}"#,
        #"{"jsonrpc":"2.0","id":null,"method":"remediation.unsubscribe","params":{"subscriptionId":"sub_01HX9VTPQR3KF8MZWBYD5N6JCE"}}"#,
        #"{"jsonrpc":"2.0","id":"ping","method":"ping","params":{}}"#,
        #"{"jsonrpc":"2.0","method":"ping"}"#,
        #"{"jsonrpc":"2.0","id":-12345678901234567890e-7,"method":"agent.run","params":[1,{"a":[true,false,null]},"\u0000\n"]}"#,
        #"{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}"#,
        """
        [{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":"2","method":"agent.run","params":{"deep":{"er":[[[]]]}}},\
        {"jsonrpc":"2.0","method":"update"},{"foo":"boo"},{"jsonrpc":"2.0","id":3,"method":"investigation.subscribe","params":{"incidentId":"x"}}]
        """,
    ]

    private static let pieces = [
        "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "1e999", "-", "\\ud800", "\\u0000", "\u{0}", "\"id\":[],", "\"id\":7,",
        "é", "🚦",
        "\"jsonrpc\":\"2.0\"", "\"result\":1,", "\"params\":null,", "\"method\":\"rpc.x\",", "[[[[[[[[", "{\"a\":", "0", " ", "\u{FEFF}",
    ]

    /// Applies one to four changes.
    static func mutate(_ request: String, using generator: inout some RandomNumberGenerator) -> [UInt8] {
        var text = bytes(request)
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !text.isEmpty {
            let place = Int.random(in: text.indices, using: &generator)
            let end = min(text.count, place + Int.random(in: 0...8, using: &generator))
            switch Int.random(in: 0..<9, using: &generator) {
            case 0: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: text[place] = UInt8.random(in: .min ... .max, using: &generator)
            case 2: text.removeSubrange(place..<end)
            case 3: text.insert(contentsOf: text[place..<end], at: Int.random(in: text.indices, using: &generator))
            case 4: text.insert(contentsOf: bytes(pieces.randomElement(using: &generator) ?? ""), at: place)
            case 5: text.swapAt(place, Int.random(in: text.indices, using: &generator))
            case 6: text.removeSubrange(place...)
            case 7: text = bytes("[") + text + bytes(",") + bytes(requests.randomElement(using: &generator) ?? "") + bytes("]")
            default: text[place] = UInt8.random(in: UInt8(ascii: "0")...UInt8(ascii: "9"), using: &generator)
            }
        }
        return text
    }
}
