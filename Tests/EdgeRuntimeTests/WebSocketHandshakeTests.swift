import HTTPFront
import HTTPTypes
import Testing

@testable import EdgeRuntime

@Suite("WebSocket handshakes")
struct WebSocketHandshakeTests {
    /// The request of RFC 6455 §1.2.
    private static let fields: HTTPFields = [
        .upgrade: "websocket",
        .connection: "Upgrade",
        .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ==",
        .secWebSocketVersion: "13",
    ]

    private func judge(
        _ change: (inout HTTPFields) -> Void = { _ in },
        method: HTTPRequest.Method = .get,
        allowsCompression: Bool = false
    ) throws(WebSocketHandshakeError) -> WebSocketHandshake {
        var fields = Self.fields
        change(&fields)
        return try WebSocketHandshake(method: method, fields: fields, allowsCompression: allowsCompression)
    }

    @Test("the RFC's request gets the RFC's answer")
    func example() throws {
        let head = ResponseHead.bytes(status: .switchingProtocols, fields: try self.judge().responseFields)
        #expect(
            String(decoding: head, as: UTF8.self) == """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                \r

                """
        )
    }

    struct Spelling: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout HTTPFields) -> Void

        init(_ name: String, _ change: @escaping @Sendable (inout HTTPFields) -> Void) {
            (self.testDescription, self.change) = (name, change)
        }
    }

    static let good: [Spelling] = [
        Spelling("upper case") { $0[.upgrade] = "WebSocket" },
        Spelling("among other protocols") { $0[.upgrade] = "h2c, websocket" },
        Spelling("Firefox's Connection") { $0[.connection] = "keep-alive, Upgrade" },
        Spelling("Connection in two fields") { $0[values: .connection] = ["keep-alive", "upgrade"] },
        Spelling("tabs and empty members") { $0[.connection] = "\t, ,keep-alive ,\tUPGRADE\t," },
        Spelling("an empty body") { $0[.contentLength] = "0" },
        Spelling("a key with all kinds of digits") { $0[.secWebSocketKey] = "+/azAZ09AAAAAAAAAAAAAA==" },
        Spelling("extensions nobody knows") { $0[.secWebSocketExtensions] = "x-made-up; a=1" },
        Spelling("extensions that are garbage") { $0[.secWebSocketExtensions] = ";;==\"" },
        Spelling("subprotocols nobody knows") { $0[.secWebSocketProtocol] = "mqtt" },
    ]

    @Test("equivalent spellings are accepted", arguments: good)
    func spellings(_ spelling: Spelling) throws {
        let handshake = try self.judge(spelling.change, allowsCompression: true)
        #expect(handshake.responseFields[.secWebSocketExtensions] == nil)
        #expect(handshake.responseFields[.secWebSocketProtocol] == nil)
        #expect(!handshake.isCompressed)
        #expect(handshake.bearerTokens == [])
    }

    static let bad: [(Spelling, Int)] = [
        (Spelling("no Upgrade") { $0[.upgrade] = nil }, 426),
        (Spelling("another protocol") { $0[.upgrade] = "h2c" }, 426),
        (Spelling("a name that begins alike") { $0[.upgrade] = "websockets" }, 426),
        (Spelling("no Connection") { $0[.connection] = nil }, 426),
        (Spelling("Connection without upgrade") { $0[.connection] = "keep-alive, upgraded" }, 426),
        (Spelling("no version") { $0[.secWebSocketVersion] = nil }, 426),
        (Spelling("version 8") { $0[.secWebSocketVersion] = "8" }, 426),
        (Spelling("version 14") { $0[.secWebSocketVersion] = "14" }, 426),
        (Spelling("a list of versions") { $0[.secWebSocketVersion] = "13, 8" }, 426),
        (Spelling("two versions") { $0[values: .secWebSocketVersion] = ["13", "13"] }, 426),
        (Spelling("version 013") { $0[.secWebSocketVersion] = "013" }, 426),
        (Spelling("no key") { $0[.secWebSocketKey] = nil }, 400),
        (Spelling("an empty key") { $0[.secWebSocketKey] = "" }, 400),
        (Spelling("15 bytes") { $0[.secWebSocketKey] = "AAAAAAAAAAAAAAAAAAAA" }, 400),
        (Spelling("17 bytes") { $0[.secWebSocketKey] = "AAAAAAAAAAAAAAAAAAAAAAA=" }, 400),
        (Spelling("18 bytes") { $0[.secWebSocketKey] = "AAAAAAAAAAAAAAAAAAAAAAAA" }, 400),
        (Spelling("no padding") { $0[.secWebSocketKey] = "dGhlIHNhbXBsZSBub25jZQ" }, 400),
        (Spelling("padding in between") { $0[.secWebSocketKey] = "dGhlIHNhbXBsZSBub25j=Q==" }, 400),
        (Spelling("base64url") { $0[.secWebSocketKey] = "-_azAZ09AAAAAAAAAAAAAA==" }, 400),
        (Spelling("two keys") { $0[values: .secWebSocketKey] = ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="] }, 400),
        (Spelling("a body") { $0[.contentLength] = "3" }, 400),
        (Spelling("a body in chunks") { $0[.transferEncoding] = "chunked" }, 400),
    ]

    @Test("an invalid handshake gets an error with the remedy", arguments: bad)
    func refused(_ spelling: Spelling, _ status: Int) throws {
        let error = try #require(throws: WebSocketHandshakeError.self) { try self.judge(spelling.change) }
        #expect(error.status.code == status)
        #expect(error.fields[.upgrade] == (status == 426 ? "websocket" : nil))
        #expect(error.message.hasSuffix("."))
    }

    @Test("only the version's refusal names the version")
    func version() throws {
        let wrong = try #require(throws: WebSocketHandshakeError.self) { try self.judge { $0[.secWebSocketVersion] = "8" } }
        #expect(wrong.fields[.secWebSocketVersion] == "13")
        let missing = try #require(throws: WebSocketHandshakeError.self) { try self.judge { $0[.upgrade] = nil } }
        #expect(missing.fields[.secWebSocketVersion] == nil)
    }

    @Test("only GET begins a WebSocket", arguments: [HTTPRequest.Method.post, .head, .put, .options, .connect])
    func methods(_ method: HTTPRequest.Method) throws {
        let error = try #require(throws: WebSocketHandshakeError.self) { try self.judge(method: method) }
        #expect(error.status == .methodNotAllowed)
        #expect(error.fields[.allow] == "GET")
    }

    struct Subprotocols: Sendable {
        var fields: [String]
        var answer: String?
        var tokens: [String] = []
    }

    @Test(
        "a token among the subprotocols is found and never sent back",
        arguments: [
            Subprotocols(fields: ["causeway.v1, bearer.aaa.bbb.ccc"], answer: "causeway.v1", tokens: ["aaa.bbb.ccc"]),
            Subprotocols(fields: ["bearer.aaa.bbb.ccc,causeway.v1"], answer: "causeway.v1", tokens: ["aaa.bbb.ccc"]),
            Subprotocols(fields: ["causeway.v1", "bearer.a-_9.b.c"], answer: "causeway.v1", tokens: ["a-_9.b.c"]),
            Subprotocols(fields: ["bearer.aaa.bbb.ccc"], answer: nil, tokens: ["aaa.bbb.ccc"]),
            Subprotocols(fields: ["causeway.v1, bearer.one, bearer.two"], answer: "causeway.v1", tokens: ["one", "two"]),
            Subprotocols(fields: ["causeway.v1, bearer."], answer: "causeway.v1", tokens: [""]),
            Subprotocols(fields: ["causeway.v1"], answer: "causeway.v1"),
            Subprotocols(fields: ["Causeway.V1, causeway.v10"], answer: nil),
            Subprotocols(fields: [""], answer: nil),
        ]
    )
    func subprotocols(_ example: Subprotocols) throws {
        let handshake = try self.judge { $0[values: .secWebSocketProtocol] = example.fields }
        #expect(handshake.responseFields[.secWebSocketProtocol] == example.answer)
        #expect(handshake.bearerTokens == example.tokens)
        let shown = "\(handshake) \(String(reflecting: handshake)) \(handshake.responseFields)"
        for token in example.tokens where !token.isEmpty { #expect(!shown.contains(token)) }
    }

    @Test("compression is agreed to only where it is allowed and offered")
    func compression() throws {
        let offer: (inout HTTPFields) -> Void = { $0[.secWebSocketExtensions] = "permessage-deflate; client_max_window_bits" }
        let agreed = try self.judge(offer, allowsCompression: true)
        #expect(agreed.isCompressed)
        #expect(
            agreed.responseFields[.secWebSocketExtensions]
                == "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        )
        let forbidden = try self.judge(offer)
        #expect(!forbidden.isCompressed)
        #expect(forbidden.responseFields[.secWebSocketExtensions] == nil)
        #expect(try !self.judge(allowsCompression: true).isCompressed)
    }
}
