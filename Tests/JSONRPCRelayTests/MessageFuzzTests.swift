import Basics
import EventModel
import TestKit
import Testing

@testable import jsonrpc_relay

/// Fuzzes messages of clients, and answers of services.
@Suite struct MessageFuzzTests {
    private static let tokens = [
        "\"jsonrpc\":\"2.0\"", "\"id\":", "\"method\":", "\"params\":", "\"result\":", "\"error\":", "\"incidentId\":", "\"lastEventId\":",
        "\"last_event_id\":", "\"subscriptionId\":", "\"code\":", "\"message\":", "\"m\\u0065thod\":", "ping", "rpc.x", "stream.x", "null",
    ]

    @Test func messages() throws {
        let seeds = [
            #"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"inc_1","lastEventId":""}}"#,
            #"[{"jsonrpc":"2.0","id":"é","method":"ping"},{"jsonrpc":"2.0","method":"a.b","params":[1,2]},{"id":null}]"#,
            #"{"jsonrpc":"2.0","id":-1.5e3,"result":{}}"#, #"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":null}"#,
        ]
        try Fuzzer("JSON-RPC", seeds: seeds, tokens: Self.tokens).run { input in
            let items: [RPCItem]
            switch RPCMessage(reading: input) {
            case .unreadable: return
            case .single(let item): items = [item]
            case .batch(let batch):
                items = batch
                try expect((1...RPCMessage.maximumBatchCount).contains(batch.count), "a batch of \(batch.count)")
            }
            for case .request(let request) in items { try Self.check(request) }
        }
    }

    private static func check(_ request: RPCRequest) throws {
        if let id = request.id {
            try expect(id.json.count <= RPCID.maximumBytes, "an id of \(id.json.count) bytes")
            try expect(isJSON(id.json) && id.json.first != UInt8(ascii: "{") && id.json.first != UInt8(ascii: "["), "the id is no scalar")
        }
        if let params = request.params.json { try expect(isJSON(params), "params are no JSON") }
        _ = MethodName.isCommand(request.method)
        guard let params = try? SubscriptionParams(request.params), let incident = params.incidentID else { return }
        try expect((try? IncidentID(incident.text)) != nil, "the incident is \(incident.text)")
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool {
        JSONScanner.scan(bytes) { scanner in
            do throws(JSONSyntaxError) {
                try scanner.scanValue(depth: 0)
                try scanner.finish()
                return true
            } catch {
                return false
            }
        }
    }

    @Test func answers() throws {
        let seeds = [#"{"step":1,"of":3}"#, #"{"code":-32602,"message":"é","data":{"a":[]}}"#, "\"done\"", "[1,2]", "null"]
        try Fuzzer("answers to commands", seeds: seeds, tokens: Self.tokens).run { input in
            for status in [nil, "result", "progress", "error", "other"] {
                switch CommandAnswer(status: status, payload: input) {
                case .progress(let json), .final(.result(let json)): try expect(Self.isJSON(Self.trimmed(json)), "passed on, and no JSON")
                case .final(.failure), .unusable: break
                }
            }
        }
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        Array(bytes.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) })
    }
}
