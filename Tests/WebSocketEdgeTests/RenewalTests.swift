import AccessControl
import Basics
import EdgeRuntime
import EdgeTestKit
import EventModel
import TestKit
import Testing

@testable import websocket_edge

/// The frame `authenticate` of the workspace stream (contract §5, §13).
@Suite(.timeLimit(.minutes(2))) struct RenewalTests {
    @Test(
        "a frame is read however it is spelled",
        arguments: [
            #"{"type":"authenticate","token":"a.b"}"#, #" { "token" : "a.b" , "type" : "authenticate" } "#,
            #"{"type":"authent\u0069cate","token":"a\u002eb","more":{"token":1}}"#,
        ]
    )
    func token(_ text: String) { #expect(WorkspaceRenewal.token(in: Array(text.utf8)) == "a.b") }

    @Test(
        "every other text is ignored",
        arguments: [
            "", "hello", "[]", "null", #"{"type":"authenticate"}"#, #"{"type":"authenticate","token":null}"#,
            #"{"type":"authenticate","token":1}"#,
            #"{"type":"authenticate","token":["a"]}"#, #"{"type":"authenticated","token":"a"}"#, #"{"token":"a"}"#,
            #"{"type":["authenticate"],"token":"a"}"#, #"{"type":"authenticate","token":"a","token":"b"}"#,
            #"{"type":"authenticate","token":"a"}{}"#, #"{"type":"authenticate","token":"a""#,
            #"{"payload":{"type":"authenticate","token":"a"}}"#,
        ]
    )
    func ignored(_ text: String) { #expect(WorkspaceRenewal.token(in: Array(text.utf8)) == nil) }

    @Test("a token is read from valid JSON without duplicate members only")
    func fuzz() throws {
        let seeds = [#"{"type":"authenticate","token":"a.b"}"#, #"{"token":"é\u00e9","x":[{"a":1e5}],"type":"authenticat\u0065"}"#]
        let tokens = ["\"type\":", "\"token\":", "authenticate", "t\\u006fken", "null", ",", "{}"]
        try Fuzzer("renewals of the workspace stream", seeds: seeds, tokens: tokens).run { input in
            guard let token = WorkspaceRenewal.token(in: input) else { return }
            try expect((try? JSONDocument.check(input)) != nil, "read from no JSON")
            try expect(token.utf8.count <= input.count, "the token has \(token.utf8.count) bytes")
        }
    }

    private func authenticate(_ token: String) -> [UInt8] {
        Frame.fromClient(0x81, #"{"type":"authenticate","token":"\#(token)"}"#.utf8)
    }

    /// Connects as ann of acme with a token that has that `jti`, and sends a new one in the same piece.
    private func renew(_ bench: WebSocketBench, by token: String, more: [UInt8] = []) async throws -> Answer {
        let first = try await bench.edge.token(roles: [], tokenID: "first")
        let answer = try await bench.request("token=\(first)&workspace=acme", followedBy: authenticate(token) + more)
        #expect(answer.status == 101)
        return answer
    }

    @Test("the answer names the new expiry; the revocations that count are those of the new token")
    func renews() async throws {
        try await WebSocketBench.run { bench in
            let answer = try await renew(bench, by: try await bench.edge.token(tokenID: "second"), more: Frame.fromClient(0x81, "x".utf8))
            let frame = try #require(await answer.frames(behindConnected: 1).first)
            let head = #"{"type":"authenticated","payload":{"expires_at":""#, end = #""},"ts":"2023-11-14T22:13:20.000Z"}"#
            #expect(frame.text.hasPrefix(head) && frame.text.hasSuffix(end))
            #expect(Timestamp(rfc3339: frame.text.dropFirst(head.count).dropLast(end.count)) != nil)
            try await bench.edge.revoke(.token("first"))
            try await bench.edge.publish("job.done", "{}")
            #expect(await answer.frames(behindConnected: 2)[1].text.hasPrefix(#"{"type":"job.done""#))
            try await bench.edge.revoke(.token("second"))
            #expect(await answer.frames(behindConnected: 3).last?.closeCode == 4401)
        }
    }

    @Test("a token of another user or tenant, or one that is not valid, closes with 4401 and the reason")
    func refuses() async throws {
        try await WebSocketBench.run { bench in
            let tokens = [
                (try await bench.edge.token(user: "bob"), "another user or tenant"),
                (try await bench.edge.token(tenant: "globex"), "another user or tenant"),
                (try await bench.edge.token(expiresIn: -10), "The token has expired"), ("x", "token"), ("", "A token is needed"),
            ]
            for (token, reason) in tokens {
                let answer = try await renew(bench, by: token)
                let close = try #require(await answer.frames(behindConnected: 1).first)
                #expect(close.closeCode == 4401 && close.closeReason.contains(reason), "\(close)")
            }
        }
    }

    @Test("a second token before the answer closes with 1008")
    func one() async throws {
        try await WebSocketBench.run { bench in
            let token = try await bench.edge.token()
            let answer = try await renew(bench, by: token, more: authenticate(token))
            #expect(await answer.frames(behindConnected: 1).last?.closeCode == 1008)
        }
    }
}
