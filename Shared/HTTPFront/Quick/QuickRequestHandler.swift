import Basics
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Passes plain requests to a ``QuickResponder`` instead of the router. One per connection, last before the router.
///
/// Only a request that arrives in one read, while the router owes no answer on the connection, is passed: so at most two reads are buffered,
/// and no slow sender holds memory, nor a client that reads nothing. While it is being answered, what arrives behind it waits here
/// in order, and no more is read.
final class QuickRequestHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// What arrived while a request is being answered.
    private enum Held {
        case part(HTTPRequestPart)
        case event(Any)
        case error(any Error)
    }

    private let responder: any QuickResponder
    private let dates: HTTPDate
    private let place: DescriptorBudget.Holder
    /// The request whose body is being read.
    private var reading: (head: HTTPRequest, body: ByteBuffer)?
    private var isAnswering = false
    private var held: [Held] = []
    private var hasHeldRead = false
    /// Number of requests that the router has not answered.
    private var routed = 0

    /// - Parameters:
    ///   - dates: formats the field `Date`.
    ///   - place: the connection's place in the budget of open files.
    init(_ responder: any QuickResponder, dates: HTTPDate, place: DescriptorBudget.Holder) {
        self.responder = responder
        self.dates = dates
        self.place = place
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = self.unwrapInboundIn(data)
        guard !self.isAnswering else { return self.held.append(.part(part)) }
        self.take(part, context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.routeUnfinished(context)
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard !self.isAnswering else { return self.held.append(.event(event)) }
        self.routeUnfinished(context)
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !self.isAnswering else { return self.held.append(.error(error)) }
        self.routeUnfinished(context)
        context.fireErrorCaught(error)
    }

    func read(context: ChannelHandlerContext) {
        guard self.held.isEmpty else { return self.hasHeldRead = true }
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = self.unwrapOutboundIn(data) { self.routed -= 1 }
        context.write(data, promise: promise)
    }

    private func take(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            // The router waits for a client that does not read its answers.
            guard self.routed == 0, context.channel.isWritable, self.responder.mayAnswer(head) else { return self.route(part, context) }
            self.reading = (head, ByteBuffer())
        case .body(var bytes):
            guard self.reading != nil else { return self.route(part, context) }
            if self.reading?.body.readableBytes == 0 {
                self.reading?.body = bytes
            } else {
                self.reading?.body.writeBuffer(&bytes)
            }
        case .end(let trailers):
            guard let request = self.reading else { return self.route(part, context) }
            if trailers == nil, self.answer(request.head, request.body, context) {
                self.reading = nil
            } else {
                self.routeUnfinished(context)
                self.route(part, context)
            }
        }
    }

    /// Begins to answer a request; false if the router must.
    private func answer(_ request: HTTPRequest, _ body: ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        self.isAnswering = self.responder.answer(request, body) { response in
            // Never within `answer`, which has not returned yet.
            loop.execute { bound.value.handler.send(response, bound.value.context) }
        }
        // As for the router's requests: not evicted while it is in progress.
        if self.isAnswering { self.place.place?.requestAccepted() }
        return self.isAnswering
    }

    private func send(_ response: QuickResponse, _ context: ChannelHandlerContext) {
        self.isAnswering = false
        // The connection may have ended meanwhile: its writes fail then.
        var fields = response.fields
        fields[.contentLength] = String(response.body.readableBytes)
        fields[.date] = self.dates.now
        context.write(self.wrapOutboundOut(.head(HTTPResponse(status: response.status, headerFields: fields))), promise: nil)
        context.write(self.wrapOutboundOut(.body(response.body)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        guard !self.held.isEmpty else { return }
        self.takeHeld(context)
    }

    /// Takes what arrived behind an answered request, up to the next that is answered here.
    private func takeHeld(_ context: ChannelHandlerContext) {
        var rest = self.held[...]
        while !self.isAnswering, let next = rest.popFirst() {
            switch next {
            case .part(let part): self.take(part, context)
            case .event(let event): self.userInboundEventTriggered(context: context, event: event)
            case .error(let error): self.errorCaught(context: context, error: error)
            }
        }
        self.held = Array(rest)
        guard self.held.isEmpty else { return }
        self.channelReadComplete(context: context)
        guard self.hasHeldRead else { return }
        self.hasHeldRead = false
        self.read(context: context)
    }

    /// Leaves the request that is being read to the router.
    private func routeUnfinished(_ context: ChannelHandlerContext) {
        guard let request = self.reading else { return }
        self.reading = nil
        self.route(.head(request.head), context)
        if request.body.readableBytes > 0 { self.route(.body(request.body), context) }
    }

    private func route(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        if case .head = part { self.routed += 1 }
        context.fireChannelRead(self.wrapInboundOut(part))
    }
}
