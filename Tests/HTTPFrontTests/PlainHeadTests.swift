import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import TestKit
import Testing

@testable import HTTPFront

/// The quick parser of request heads, compared with the NIO front.
@Suite struct PlainHeadTests {
    private static let stream = "GET /v1/notifications/stream?types=a.* HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer a.b.c\r\n\r\n"

    private static func plain(_ text: String) -> PlainHead? { self.plain(Array(text.utf8)) }

    private static func plain(_ bytes: [UInt8]) -> PlainHead? { bytes.withUnsafeBytes { PlainHead($0) } }

    /// Returns the request that the front's pipeline produces; nil if it produces none.
    private static func front(_ bytes: [UInt8]) throws -> HTTPRequest? {
        let channel = EmbeddedChannel()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
        try pipeline.addHandler(RequestHeadHandler())
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        do { try channel.writeInbound(ByteBuffer(bytes: bytes)) } catch { return nil }
        guard case .head(let request)? = try channel.readInbound(as: HTTPRequestPart.self) else { return nil }
        return request
    }

    @Test func readsAStreamsRequest() throws {
        let head = try #require(Self.plain(Self.stream + "and frames"))
        #expect(head.length == Self.stream.utf8.count)
        #expect(head.request.method == .get)
        #expect(head.request.path == "/v1/notifications/stream?types=a.*")
        #expect(head.request.authority == "here")
        #expect(head.request.headerFields == [.authorization: "Bearer a.b.c"])
    }

    @Test(
        "what is not exactly of the form is left to the front",
        arguments: [
            "", "GET", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "get / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \u{e4}\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
    )
    func leavesToTheFront(text: String) {
        #expect(Self.plain(text) == nil)
    }

    @Test func boundsAHead() {
        func head(filler: Int) -> String { "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: filler))\r\n\r\n" }
        let rest = head(filler: 0).utf8.count
        #expect(Self.plain(head(filler: PlainHead.maximumBytes - rest)) != nil)
        #expect(Self.plain(head(filler: PlainHead.maximumBytes - rest + 1)) == nil)
        let fields = String(repeating: "X: y\r\n", count: 63)
        #expect(Self.plain("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") != nil)
        #expect(Self.plain("GET / HTTP/1.1\r\nHost: a\r\n\(fields)X: y\r\n\r\n") == nil)
    }

    /// A request that the quick parser accepts is the same request in the front.
    @Test func agreesWithTheFront() throws {
        let seeds = [
            Self.stream,
            "GET /v1/stream?token=a.b.c&workspace=a HTTP/1.1\r\nHost: here:80\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: http://here\r\n\r\n",
            "GET /v1/events?wait=0s HTTP/1.1\r\nhost: here\r\nLast-Event-ID: evt_1\r\nCookie: a=b; c=d\r\nAccept:*/*  \r\n\r\n",
        ]
        let tokens = [
            "Host: ", "\r\n", "\n", "\r", "\r\n\r\n", " HTTP/1.1", " HTTP/1.0", "Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n",
            "Upgrade: ", "GET ", "Expect: 100-continue\r\n", ": ", ":", "\r\n ", "/../", "//", "http://x/", "*", "?", "%00", "\t", " ",
        ]
        try Fuzzer("Plain HTTP head", seeds: seeds, tokens: tokens).run { input in
            guard let head = Self.plain(input) else { return }
            let request = try Self.front(Array(input.prefix(head.length)))
            try expect(request == head.request, "the front: \(String(describing: request)), the door: \(head.request)")
        }
    }
}
