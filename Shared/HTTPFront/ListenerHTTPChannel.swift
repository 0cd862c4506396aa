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
    /// Creates an HTTP/1.1 listener whose connections can move to a delivery loop.
    ///
    /// - Parameters:
    ///   - bodyTimeout: time limit for the arrival of a request body, whether it is read or discarded.
    ///   - budget: the limit on open files for the listener's connections.
    ///   - quick: answers plain requests without a task; nil leaves all to the router.
    package static func listener(
        bodyTimeout: Duration,
        budget: DescriptorBudget,
        quick: (any QuickResponder)? = nil
    ) -> HTTPServerBuilder {
        ListenerHTTPChannel.instantiatedTypes
        let readPast = ReadPastBudget()
        let quick = quick.map { (responder: $0, dates: HTTPDate()) }
        return HTTPServerBuilder {
            ListenerHTTPChannel(responder: $0, bodyTimeout: bodyTimeout, budget: budget, readPast: readPast, quick: quick)
        }
    }
}

/// The pipeline of one HTTP/1.1 connection. Differs from Hummingbird's in these points:
///
/// - Bytes read after an upgrade request are kept, and move to the delivery loop with the connection.
/// - A response with `Connection: close` closes the connection.
/// - The connection holds a place in the ``DescriptorBudget`` of its listener.
/// - An idle connection is closed.
/// - Its tasks run on its event loop (``EventLoopExecutor``), and plain requests need none (``QuickRequestHandler``).
/// - A separate handler implements each requirement of RFC 9110 and RFC 9112 that the decoder leaves to the server.
///
/// Backpressure: beyond a request's head at most ``readBytes`` are buffered per connection. The next read follows when they are consumed.
struct ListenerHTTPChannel: ServerChildChannel, HTTPChannelHandler {
    /// A connection and its place in the budget.
    struct Value: ServerChildChannelValue {
        let http: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
        let place: DescriptorBudget.Holder

        var channel: any Channel { http.channel }
    }

    /// Time limit for a pause within a request body, and between two requests. A head has a shorter one (``RequestHeadTimer``).
    private static let idleTimeout: Duration = .seconds(75)

    /// Maximum number of bytes per read.
    static let readBytes = 16 * 1024

    let responder: HTTPChannelHandler.Responder
    /// Time limit for the arrival of a request body, whether it is read or discarded.
    let bodyTimeout: Duration
    /// The limit on open files for the listener's connections.
    let budget: DescriptorBudget
    /// The rate limit for discarding the rest of a body after its response.
    let readPast: ReadPastBudget
    /// Answers plain requests; nil leaves all to `responder`.
    var quick: (responder: any QuickResponder, dates: HTTPDate)?

    /// Instantiates the generic types of a pipeline, once, before the listener opens.
    ///
    /// Two threads that do this at the same time, such as two event loops for their first connections, may crash (Swift 6.2.3, 1 of some
    /// 1,000 starts with clients that wait for the port): one gets null for an associated type of the decoder that the other has not
    /// completed.
    static let instantiatedTypes: Void = {
        withExtendedLifetime(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))) {}
        withExtendedLifetime(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>.self) {}
    }()

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        self.setup(channel: channel, place: DescriptorBudget.Holder(), logger: logger)
    }

    /// - Parameter place: holds the connection's place in the budget; if empty, is filled when the connection becomes active.
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
            try pipeline.addHandler(RequestBodyHandler(timeout: TimeAmount(self.bodyTimeout), readPast: self.readPast))
            try pipeline.addHandler(UnreadAnswerHandler())
            try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: Self.idleTimeout, logger: logger))
            if let quick = self.quick {
                try pipeline.addHandler(QuickRequestHandler(quick.responder, dates: quick.dates, place: place))
            }
            try pipeline.addHandler(ConnectionCloseHandler())
            try pipeline.addHandler(UnreadableRequestHandler())
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
        await withTaskExecutorPreference(EventLoopExecutor(value.channel.eventLoop)) {
            await APIRequestContext.$connectionPlace.withValue(value.place) {
                await self.handleHTTP(asyncChannel: value.http, logger: logger)
            }
        }
    }
}

/// Closes a connection after a response with `Connection: close`, and after any response to an upgrade request: the decoder reads no
/// request after that one.
private final class ConnectionCloseHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var closesAfterAnswer = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let request) = self.unwrapInboundIn(data), request.headerFields.contains(.upgrade) { self.closesAfterAnswer = true }
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
