import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Webhooks

/// A connection has one timer for all its exchanges and for the time between them.
struct ExchangeExpiryTests {
    /// A connection whose loop's clock stands until it is advanced.
    private struct Bench {
        static let timeout = TimeAmount.seconds(15)
        static let idleTimeout = TimeAmount.seconds(30)

        let channel: EmbeddedChannel

        init() throws {
            let meter = AnswerMeter(maximumBytes: 1024)
            channel = EmbeddedChannel(handlers: [
                meter, HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()),
                ExchangeHandler(meter: meter, idleTimeout: Self.idleTimeout),
            ])
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
        }

        /// Begins an exchange.
        func begin(timeout: TimeAmount = timeout) throws -> EventLoopFuture<Exchange.Reply> {
            let promise = channel.eventLoop.makePromise(of: Exchange.Reply.self)
            let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/", headers: ["content-length": "0"])
            try channel.writeOutbound(
                Exchange(head: head, body: ByteBuffer(), promise: promise, deadline: channel.eventLoop.now + timeout)
            )
            return promise.futureResult
        }

        /// Answers the exchange.
        func answer() throws { try channel.writeInbound(ByteBuffer(string: "HTTP/1.1 204 No Content\r\n\r\n")) }

        func advance(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }
    }

    @Test func eachExchangeHasItsDeadline() throws {
        let bench = try Bench()
        let first = try bench.begin()
        bench.advance(10)
        try bench.answer()
        #expect(try first.wait().status == 204)
        let second = try bench.begin()
        bench.advance(14)
        #expect(bench.channel.isActive, "the first deadline has passed, the second has not")
        bench.advance(1)
        #expect(throws: ExchangeError.timedOut) { try second.wait() }
        #expect(!bench.channel.isActive)
    }

    @Test func anIdleConnectionCloses() throws {
        let bench = try Bench()
        _ = try bench.begin()
        bench.advance(1)
        try bench.answer()
        bench.advance(29)
        #expect(bench.channel.isActive)
        bench.advance(1)
        #expect(!bench.channel.isActive)
    }

    @Test func anExchangeOfAnIdleConnectionIsNotHeldUpToItsIdleTime() throws {
        let bench = try Bench()
        _ = try bench.begin()
        try bench.answer()
        bench.advance(16)
        let exchange = try bench.begin(timeout: .seconds(5))
        bench.advance(4)
        #expect(bench.channel.isActive)
        bench.advance(1)
        #expect(throws: ExchangeError.timedOut) { try exchange.wait() }
        #expect(!bench.channel.isActive)
    }
}
