import Basics
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Enforces the timing rules of request bodies.
///
/// 1. Sends `100 Continue` to a client that waits for it when its request is the next to be handled, unless the response comes first
///    (RFC 9110 §10.1.1).
/// 2. Closes the connection if a body does not arrive in time, so that a slow body, read or discarded, does not hold the connection for
///    ever. The time starts when the request is the next to be handled; waiting behind pipelined requests does not count.
/// 3. Shortens the time limit to a few seconds during a shutdown, so that a slow client does not delay it.
/// 4. Discards the rest of a body after its response, within the ``ReadPastBudget`` of all connections.
final class RequestBodyHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Time limit for a body during a shutdown.
    private static let timeoutWhileStopping = TimeAmount.seconds(5)

    private let timeout: TimeAmount
    private let readPast: ReadPastBudget
    /// The scheduled read, while the budget is empty.
    private var nextRead: Scheduled<Void>?
    private var isStopping = false
    private var deadline: Scheduled<Void>?
    /// Number of requests whose responses have not ended.
    private var unanswered = 0
    /// Whether the last of them waits for `100 Continue`.
    private var awaitsContinue = false
    /// Whether the body of the last of them is incomplete.
    private var isBodyOpen = false

    /// - Parameters:
    ///   - timeout: time limit for a body.
    ///   - readPast: shared by all connections of a listener.
    init(timeout: TimeAmount, readPast: ReadPastBudget) {
        self.timeout = timeout
        self.readPast = readPast
    }

    /// Whether incoming bytes are the rest of a body whose response has ended.
    private var readsPast: Bool { self.isBodyOpen && self.unanswered == 0 }

    func read(context: ChannelHandlerContext) {
        guard self.readsPast, !self.readPast.isLeft else { return context.read() }
        guard self.nextRead == nil else { return }
        self.nextRead = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(ReadPastBudget.pause)) {
            self.nextRead = nil
            self.read(context: context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let request):
            self.unanswered += 1
            if Self.hasBody(request) {
                self.isBodyOpen = true
                self.awaitsContinue = request.headerFields[.expect]?.lowercased() == "100-continue"
                self.continueIfDue(context)
            }
        case .body(let bytes):
            self.awaitsContinue = false
            if self.readsPast { self.readPast.charge(bytes.readableBytes) }
        case .end:
            self.isBodyOpen = false
            self.awaitsContinue = false
            self.cancelDeadline()
        }
        context.fireChannelRead(data)
    }

    /// Starts the timer for an incomplete body. Nearly every body arrives with its head, in one read, and needs no timer.
    func channelReadComplete(context: ChannelHandlerContext) {
        self.setDeadlineIfDue(context)
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = self.unwrapOutboundIn(data)
        if case .head = part, self.unanswered == 1 { self.awaitsContinue = false }
        context.write(data, promise: promise)
        if case .end = part {
            self.unanswered -= 1
            self.setDeadlineIfDue(context)
            self.continueIfDue(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            self.isStopping = true
            if self.deadline != nil {
                self.cancelDeadline()
                self.setDeadline(context)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.cancel()
    }

    private func cancel() {
        self.cancelDeadline()
        self.nextRead?.cancel()
        self.nextRead = nil
    }

    private func cancelDeadline() {
        self.deadline?.cancel()
        self.deadline = nil
    }

    private func setDeadlineIfDue(_ context: ChannelHandlerContext) {
        if self.isBodyOpen, self.unanswered == 1, self.deadline == nil { self.setDeadline(context) }
    }

    private func continueIfDue(_ context: ChannelHandlerContext) {
        guard self.isBodyOpen, self.unanswered == 1, self.awaitsContinue else { return }
        self.awaitsContinue = false
        context.writeAndFlush(self.wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }

    private func setDeadline(_ context: ChannelHandlerContext) {
        let timeout = self.isStopping ? min(self.timeout, Self.timeoutWhileStopping) : self.timeout
        let channel = context.channel
        self.deadline = context.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
    }

    private static func hasBody(_ request: HTTPRequest) -> Bool {
        if request.headerFields.contains(.transferEncoding) { return true }
        return request.headerFields[.contentLength].map { Int($0) != 0 } ?? false
    }
}
