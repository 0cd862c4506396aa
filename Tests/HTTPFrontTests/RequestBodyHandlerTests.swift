import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Synchronization
import Testing

@testable import HTTPFront

/// The rate at which an unwanted body is read.
@Suite struct RequestBodyHandlerTests {
    /// Counts reads of the socket.
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = HTTPResponsePart
        private(set) var count = 0

        func read(context: ChannelHandlerContext) {
            self.count += 1
            context.read()
        }
    }

    /// A clock set by the test.
    private final class Clock: Sendable {
        private let time = Mutex(Duration.zero)
        var now: @Sendable () -> Duration { { self.time.withLock { $0 } } }

        func advance(_ duration: Duration) { self.time.withLock { $0 += duration } }
    }

    private static let head = HTTPRequestPart.head(
        HTTPRequest(method: .post, scheme: "http", authority: "here", path: "/", headerFields: [.contentLength: "1000000"])
    )

    private static func body(_ count: Int) -> HTTPRequestPart { .body(ByteBuffer(repeating: 120, count: count)) }

    @Test func theRestOfARefusedBodyIsReadWithinTheBudget() throws {
        let clock = Clock()
        let reads = Reads()
        let channel = EmbeddedChannel()
        let budget = ReadPastBudget(burstBytes: 100, bytesPerSecond: 100, now: clock.now)
        try channel.pipeline.syncOperations.addHandler(reads)
        try channel.pipeline.syncOperations.addHandler(RequestBodyHandler(timeout: .seconds(30), readPast: budget))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let before = reads.count
        try channel.writeInbound(Self.head)
        try channel.writeInbound(Self.body(1000))
        channel.read()
        #expect(reads.count == before + 1)
        #expect(budget.isLeft, "a body that is wanted counts for nothing")
        try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .forbidden)))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
        channel.read()
        #expect(reads.count == before + 2)
        try channel.writeInbound(Self.body(150))
        channel.read()
        channel.read()
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(50))
        #expect(reads.count == before + 2, "nothing is left")
        clock.advance(.seconds(1))
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(50))
        #expect(reads.count == before + 3)
        // The next request is read without the limit.
        try channel.writeInbound(Self.body(150))
        try channel.writeInbound(HTTPRequestPart.end(nil))
        #expect(!budget.isLeft)
        channel.read()
        #expect(reads.count == before + 4)
        _ = try channel.finish()
    }
}
