import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPFront

/// Reads from a client before its request is authorised.
@Suite struct RequestHeadTests {
    /// Replaces the socket, and counts reads.
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        var count = 0

        func read(context: ChannelHandlerContext) { self.count += 1 }
    }

    /// Returns the number of reads after `request`.
    private static func reads(behind request: String) throws -> Int {
        let channel = EmbeddedChannel()
        let pipeline = channel.pipeline.syncOperations
        let reads = Reads()
        try pipeline.addHandler(reads)
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
        try pipeline.addHandler(RequestHeadHandler())
        try channel.writeInbound(ByteBuffer(string: request))
        reads.count = 0
        for _ in 0..<3 { channel.read() }
        let count = reads.count
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return count
    }

    private static let upgrade = "Host: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

    @Test(
        "behind the last request that the decoder reads, nothing is read from the socket",
        arguments: [
            "GET /v1/stream HTTP/1.1\r\n\(upgrade)\r\n", "GET /v1/stream HTTP/1.1\r\n\(upgrade)\r\nand bytes that are no HTTP",
            "GET / HTTP/1.0\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "CONNECT here:80 HTTP/1.1\r\nHost: here\r\n\r\n",
            "POST / HTTP/1.1\r\n\(upgrade)Content-Length: 2\r\n\r\n{}",
        ]
    )
    func lastRequests(request: String) throws {
        #expect(try Self.reads(behind: request) == 0)
    }

    @Test(
        "any other request, and the body of one that names an upgrade, is read on",
        arguments: [
            "GET / HTTP/1.1\r\nHost: here\r\n\r\n", "GET /v1/stream HTTP/1.1\r\n\(upgrade)",
            "POST / HTTP/1.1\r\n\(upgrade)Content-Length: 2\r\n\r\n{",
        ]
    )
    func others(request: String) throws {
        #expect(try Self.reads(behind: request) == 3)
    }
}
