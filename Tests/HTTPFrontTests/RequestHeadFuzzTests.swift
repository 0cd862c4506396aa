import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestKit
import Testing

@testable import HTTPFront

/// Fuzzes request heads through NIO's decoder and our handlers.
@Suite struct RequestHeadFuzzTests {
    /// The heads that reached the routes, and whether the connection was closed.
    private struct Outcome: Equatable {
        var heads: [String] = []
        var bodyBytes = 0
        var hasFailed = false
    }

    @Test func heads() throws {
        let seeds = [
            "GET /v1/notifications/stream?types=a.* HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer a.b.c\r\nLast-Event-ID: evt_1\r\n\r\n",
            "POST /v1/events HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /v1/stream HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n",
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        ]
        let tokens = [
            "Host: ", "\r\n", "\n", "\r", "\r\n\r\n", " HTTP/1.1", " HTTP/2.0", "Content-Length: ", "Transfer-Encoding: chunked\r\n",
            "Upgrade: ", "GET ",
            "Expect: 100-continue\r\n", ": ", "\r\n ", "ffffffffffffffff\r\n", "/../", "http://x/", "*",
        ]
        try Fuzzer("HTTP head", seeds: seeds, tokens: tokens).run { input, generator in
            let whole = try Self.read([input[...]])
            var pieces: [ArraySlice<UInt8>] = []
            var rest = input[...]
            while !rest.isEmpty {
                let count = 1 + generator.below(min(rest.count, 64))
                pieces.append(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
            let cut = try Self.read(pieces)
            try expect(whole == cut, "whole: \(whole), cut: \(cut)")
        }
    }

    private static func read(_ pieces: [ArraySlice<UInt8>]) throws -> Outcome {
        let channel = EmbeddedChannel()
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
        try pipeline.addHandler(RequestHeadHandler())
        var outcome = Outcome()
        for piece in pieces where !outcome.hasFailed {
            do { try channel.writeInbound(ByteBuffer(bytes: piece)) } catch { outcome.hasFailed = true }
        }
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head):
                let hosts = head.headers["host"].count
                try expect(hosts == 1 || hosts == 0 && head.version != .http1_1, "a request with \(hosts) hosts")
                try expect(!head.uri.utf8.contains { $0 <= 0x20 || $0 == 0x7F }, "the target is \(head.uri)")
                for (name, value) in head.headers {
                    try expect(!value.utf8.contains { $0 == 0 || $0 == 0x0A || $0 == 0x0D }, "the field \(name) is \(value)")
                }
                outcome.heads.append("\(head.method) \(head.uri) \(head.headers.count)")
            case .body(let body): outcome.bodyBytes += body.readableBytes
            case .end: break
            }
        }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return outcome
    }
}
