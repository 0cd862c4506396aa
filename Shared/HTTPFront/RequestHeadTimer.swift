import HTTPAPI
import NIOCore
import NIOHTTP1

/// Closes a connection whose request head does not arrive in time, so that silent and slow clients do not hold descriptors.
///
/// The time starts with the connection, and for later requests with the first byte; between two requests the idle timeout applies. A client
/// that has begun a head gets a 408. Its pipeline position is before the decoder, where it sees raw bytes; ``RequestHeadHandler``, after
/// the decoder, reports the decoded heads.
final class RequestHeadTimer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = HTTPServerResponsePart

    /// Time limit for a head.
    static let timeout = TimeAmount.seconds(10)

    private let requests: RequestHeadHandler
    private let timeout: TimeAmount
    private var deadline: Scheduled<Void>?
    /// Whether bytes of the awaited head have arrived.
    private var hasBegun = false

    /// - Parameter requests: the handler after the decoder, in the same pipeline.
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
        // The decoder parses heads synchronously within this call.
        context.fireChannelRead(data)
        guard self.requests.headsRead == headsRead else {
            self.cancel()
            self.hasBegun = false
            return
        }
        // Nearly every head arrives in one read, and needs no timer.
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
        // While a response is pending the server does not read, so the delay may be the server's.
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
