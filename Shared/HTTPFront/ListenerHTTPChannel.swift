package import Basics
import HTTPAPI
import HTTPTypes
import Hummingbird
package import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

extension HTTPServerBuilder {
    /// A listener for HTTP/1.1 whose connections may leave for a delivery loop.
    ///
    /// - Parameters:
    ///   - bodyTimeout: how long the body of a request may take, whether somebody reads it or it is only read past.
    ///   - budget: what the listener's connections may take of the open files.
    package static func listener(bodyTimeout: Duration, budget: DescriptorBudget) -> HTTPServerBuilder {
        ListenerHTTPChannel.instantiatedTypes
        let readPast = ReadPastBudget()
        return HTTPServerBuilder { ListenerHTTPChannel(responder: $0, bodyTimeout: bodyTimeout, budget: budget, readPast: readPast) }
    }
}

/// The pipeline of one HTTP/1.1 connection, as Hummingbird's own but for these things: bytes that were read with a request for an upgrade
/// are kept, so that they can go along when the connection leaves for a delivery loop; an answer that says `Connection: close` closes;
/// it holds a place in the ``DescriptorBudget`` of its listener; a connection that only sits there is closed; and what RFC 9110 and RFC 9112 ask
/// of a server that the decoder leaves open, each in a separate handler.
///
/// Beyond a request's head at most ``readBytes`` are buffered for a client (backpressure): the next piece is read when the last one was consumed.
struct ListenerHTTPChannel: ServerChildChannel, HTTPChannelHandler {
    /// A connection and its place.
    struct Value: ServerChildChannelValue {
        let http: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
        let place: DescriptorBudget.Holder

        var channel: any Channel { http.channel }
    }

    /// How long a client may pause within a request's body, or between two requests. A head has less (``RequestHeadTimer``).
    private static let idleTimeout: Duration = .seconds(75)

    /// What is read at once, in bytes.
    static let readBytes = 16 * 1024

    let responder: HTTPChannelHandler.Responder
    /// How long the body of a request may take, whether somebody reads it or it is only read past.
    let bodyTimeout: Duration
    /// What the listener's connections may take of the open files.
    let budget: DescriptorBudget
    /// For the bodies of requests that were answered before their end.
    let readPast: ReadPastBudget

    /// Has the runtime instantiate the generic types of a pipeline: once, before anybody listens.
    ///
    /// Two threads that do it at the same moment, such as two event loops for their first connections, may crash (Swift 6.2.3, 1 of some 1,000
    /// starts with clients that wait for the port): one gets null for an associated type of the decoder that the other has not completed.
    static let instantiatedTypes: Void = {
        withExtendedLifetime(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))) {}
        withExtendedLifetime(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>.self) {}
    }()

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        self.setup(channel: channel, place: DescriptorBudget.Holder(), logger: logger)
    }

    /// - Parameter place: has the connection's place in the budget, or gets it when the connection becomes active.
    func setup(channel: any Channel, place: DescriptorBudget.Holder, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.syncOptions?.setOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: Self.readBytes)
            )
            try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(HTTPResponseEncoder())
            let requests = RequestHeadHandler()
            try pipeline.addHandler(RequestHeadTimer(requests))
            try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
            try pipeline.addHandler(requests)
            try pipeline.addHandler(ConnectionPlaceHandler(budget: self.budget, holder: place))
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            try pipeline.addHandler(ConnectionCloseHandler())
            try pipeline.addHandler(RequestBodyHandler(timeout: TimeAmount(self.bodyTimeout), readPast: self.readPast))
            try pipeline.addHandler(UnreadableRequestHandler())
            try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: Self.idleTimeout, logger: logger))
            let http = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
                wrappingChannelSynchronously: channel,
                configuration: .init(
                    backPressureStrategy: .init(lowWatermark: 1, highWatermark: 1),
                    isOutboundHalfClosureEnabled: true
                )
            )
            return Value(http: http, place: place)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await APIRequestContext.$connectionPlace.withValue(value.place) {
            await self.handleHTTP(asyncChannel: value.http, logger: logger)
        }
    }
}

/// Closes a connection behind the answer that says so, or that refused to upgrade it: after a request that names an upgrade the
/// decoder reads no further one.
private final class ConnectionCloseHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var closesAfterAnswer = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let request) = self.unwrapInboundIn(data), request.headerFields[.upgrade] != nil { self.closesAfterAnswer = true }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(var response) where response.status.kind != .informational:
            if response.headerFields[.connection] == "close" { self.closesAfterAnswer = true }
            if self.closesAfterAnswer { response.headerFields[.connection] = "close" }
            context.write(self.wrapOutboundOut(.head(response)), promise: promise)
        case .end where self.closesAfterAnswer:
            let written = promise ?? context.eventLoop.makePromise()
            let channel = context.channel
            written.futureResult.whenComplete { _ in channel.close(promise: nil) }
            context.writeAndFlush(data, promise: written)
        default:
            context.write(data, promise: promise)
        }
    }
}
