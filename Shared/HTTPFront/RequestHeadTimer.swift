import HTTPAPI
import NIOCore
import NIOHTTP1

/// Closes a connection whose request's head does not come to its end in time: silent connections and heads that drip would hold a descriptor
/// for as long as they like.
///
/// The time begins with the connection, and for a later request with its first byte: a connection between two requests has the idle timeout. One
/// that has begun a head is told so with a 408. Stands before the decoder, where bytes are bytes; ``RequestHeadHandler`` behind it knows what
/// the decoder made of them.
final class RequestHeadTimer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a head may take.
    static let timeout = TimeAmount.seconds(10)

    private let requests: RequestHeadHandler
    private let timeout: TimeAmount
    private var deadline: Scheduled<Void>?
    /// Whether bytes of the head that is waited for have come.
    private var hasBegun = false

    /// - Parameter requests: the handler behind the decoder of the same pipeline.
    init(_ requests: RequestHeadHandler, timeout: TimeAmount = RequestHeadTimer.timeout) {
        self.requests = requests
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.start(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let headsRead = self.requests.headsRead
        if !self.requests.isReadingRequest { self.hasBegun = true }
        // The decoder reads heads within this call.
        context.fireChannelRead(data)
        guard self.requests.headsRead == headsRead else {
            self.cancel()
            self.hasBegun = false
            return
        }
        // Nearly every head comes in one piece, and needs no timer.
        if !self.requests.isReadingRequest { self.start(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.cancel() }

    private func cancel() {
        self.deadline?.cancel()
        self.deadline = nil
    }

    private func start(_ context: ChannelHandlerContext) {
        guard self.deadline == nil else { return }
        self.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) { self.expired(context) }
    }

    private func expired(_ context: ChannelHandlerContext) {
        self.deadline = nil
        // While an answer is owed nothing more is read, so what is missing may be our own doing.
        guard !self.requests.owesAnswer else { return self.start(context) }
        guard self.hasBegun, let body = try? Self.error.body() else { return context.close(promise: nil) }
        let fields: HTTPHeaders = [
            "content-type": "application/json", "content-length": "\(body.readableBytes)", "connection": "close",
            "x-request-id": RequestIdentity.makeID(),
        ]
        let head = HTTPResponseHead(version: .http1_1, status: .requestTimeout, headers: fields)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    private static var error: APIError { .headTimeout(seconds: Self.timeout.nanoseconds / 1_000_000_000) }
}
