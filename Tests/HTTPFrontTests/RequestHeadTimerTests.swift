import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPFront

/// The time limit of a client for the head of a request.
@Suite struct RequestHeadTimerTests {
    private static func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        let pipeline = channel.pipeline.syncOperations
        let requests = RequestHeadHandler()
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(RequestHeadTimer(requests))
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
        try pipeline.addHandler(requests)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private static func answer(on channel: EmbeddedChannel) throws {
        try channel.writeOutbound(HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .noContent)))
        try channel.writeOutbound(HTTPServerResponsePart.end(nil))
    }

    private static func written(to channel: EmbeddedChannel) throws -> String {
        var text = ""
        while let data = try channel.readOutbound(as: IOData.self) {
            if case .byteBuffer(let buffer) = data { text += String(buffer: buffer) }
        }
        return text
    }

    private static let request = "GET / HTTP/1.1\r\nHost: here\r\n\r\n"

    @Test func aSilentConnectionIsClosed() throws {
        let channel = try Self.channel()
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        #expect(try Self.written(to: channel) == "")
    }

    @Test func aHeadThatDripsIsToldSoAndClosed() throws {
        let channel = try Self.channel()
        try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: h"))
        for _ in 0..<9 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            try channel.writeInbound(ByteBuffer(string: "e"))
        }
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        let answer = try Self.written(to: channel)
        #expect(answer.hasPrefix("HTTP/1.1 408 "))
        #expect(answer.contains("\"error\":\"validation_error\""))
    }

    @Test func betweenRequestsTheTimeBeginsWithTheFirstByte() throws {
        let channel = try Self.channel()
        try channel.writeInbound(ByteBuffer(string: Self.request))
        try Self.answer(on: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(60))
        #expect(channel.isActive)
        try channel.writeInbound(ByteBuffer(string: "G"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func whileAnAnswerIsOwedNobodyIsClosed() throws {
        let channel = try Self.channel()
        try channel.writeInbound(ByteBuffer(string: Self.request))
        try channel.writeInbound(ByteBuffer(string: "GET "))
        channel.embeddedEventLoop.advanceTime(by: .seconds(25))
        #expect(channel.isActive)
        try Self.answer(on: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!channel.isActive)
    }

    @Test func aBodyHasATimeOfItsOwn() throws {
        let channel = try Self.channel()
        try channel.writeInbound(ByteBuffer(string: "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n12"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(30))
        #expect(channel.isActive)
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }
}
