import Basics
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// What a client that sends a body can count on, and what it must keep to.
///
/// 1. One that waits for `100 Continue` gets it as soon as its request is the next to be answered, unless the answer comes first (RFC 9110 §10.1.1).
/// 2. A body that has not come to its end in time closes the connection: bodies that drip, read or read past, would hold it for ever. Its time
///    begins when its request is the next to be answered; what stands before it in the pipeline is our own doing.
/// 3. While the process stops, a body has a few seconds at most, so that a slow client cannot delay the shutdown.
/// 4. A body that goes on behind the end of its answer is read within the ``ReadPastBudget`` of all connections.
final class RequestBodyHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long a body may take while the process stops.
    private static let timeoutWhileStopping = TimeAmount.seconds(5)

    private let timeout: TimeAmount
    private let readPast: ReadPastBudget
    /// The next read, where it waits for the budget.
    private var nextRead: Scheduled<Void>?
    private var isStopping = false
    private var deadline: Scheduled<Void>?
    /// Requests whose answers have not ended.
    private var unanswered = 0
    /// Whether the last of them waits to be told to go on.
    private var awaitsContinue = false
    /// Whether the body of the last of them has not come to its end.
    private var isBodyOpen = false

    /// - Parameters:
    ///   - timeout: how long a body may take.
    ///   - readPast: shared by all connections of a listener.
    init(timeout: TimeAmount, readPast: ReadPastBudget) {
        self.timeout = timeout
        self.readPast = readPast
    }

    /// Whether what comes is the rest of a body whose request has been answered.
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

    /// Nearly every body comes with its head, in one piece, and needs no timer.
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
        if request.headerFields[.transferEncoding] != nil { return true }
        return request.headerFields[.contentLength].map { Int($0) != 0 } ?? false
    }
}
