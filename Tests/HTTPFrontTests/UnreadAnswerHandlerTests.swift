import NIOCore
import NIOEmbedded
import Testing

@testable import HTTPFront

/// The time limit of a client that does not read its answers.
@Suite struct UnreadAnswerHandlerTests {
    private static func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: UnreadAnswerHandler(timeout: .seconds(30)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private static func setWritable(_ isWritable: Bool, on channel: EmbeddedChannel) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    @Test func aClientThatReadsNothingLosesItsConnection() throws {
        let channel = try Self.channel()
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        Self.setWritable(false, on: channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(29))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func aClientThatReadsSlowlyKeepsIt() throws {
        let channel = try Self.channel()
        for _ in 0..<5 {
            Self.setWritable(false, on: channel)
            channel.embeddedEventLoop.advanceTime(by: .seconds(29))
            Self.setWritable(true, on: channel)
        }
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
    }

    @Test(arguments: [false, true])
    func aShutdownWaitsForSeconds(isStalledBefore: Bool) throws {
        let channel = try Self.channel()
        if isStalledBefore { Self.setWritable(false, on: channel) }
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        if !isStalledBefore { Self.setWritable(false, on: channel) }
        channel.embeddedEventLoop.advanceTime(by: .seconds(4))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }
}
