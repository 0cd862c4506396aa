import NIOCore
import NIOHTTP1
import NIOSSL

/// Counts the bytes of an answer below the HTTP decoder, so that one bound holds for head, body, chunk extensions and interim answers.
///
/// It hands on what is within the bound, then tells the ``ExchangeHandler`` and drops the rest.
final class AnswerMeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// The event for the handlers behind it.
    enum Event { case exceeded }

    private(set) var received = 0
    private let maximumBytes: Int

    init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Begins another answer.
    func reset() { received = 0 }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = Self.unwrapInboundIn(data)
        let room = maximumBytes - received
        // The rest of an answer that was too long.
        guard room >= 0 else { return }
        received += buffer.readableBytes
        guard buffer.readableBytes > room else { return context.fireChannelRead(Self.wrapInboundOut(buffer)) }
        if room > 0, let part = buffer.readSlice(length: room) { context.fireChannelRead(Self.wrapInboundOut(part)) }
        context.fireUserInboundEventTriggered(Event.exceeded)
    }
}

/// Runs the exchanges of one connection, one at a time (event loop).
///
/// 1. It writes a request, and reads the answer to its end, its bound (``AnswerMeter``) or the deadline.
/// 2. It closes the connection after anything but a complete answer to a completely written request.
/// 3. It closes an idle connection on which bytes arrive: they would be taken for the answer to the next request.
/// 4. It closes a connection that was idle for the time limit.
final class ExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = Exchange
    typealias OutboundOut = HTTPClientRequestPart

    private struct Answer {
        var head: HTTPResponseHead?
        var excerpt: [UInt8] = []
    }

    private let meter: AnswerMeter
    private let idleTimeout: TimeAmount
    private var exchange: Exchange?
    private var answer = Answer()
    private var isWritten = false
    /// Whether the connection is being closed: with TLS it stays active until the receiver has said farewell as well.
    private var isClosing = false
    /// When the exchange fails, or the idle connection closes.
    private var expiry = NIODeadline.distantFuture
    /// Fires at ``expiry`` or before it, and is then scheduled again: one for many exchanges, because each costs the loop's heap of timers twice.
    private var timer: (task: Scheduled<Void>, time: NIODeadline)?

    init(meter: AnswerMeter, idleTimeout: TimeAmount) {
        self.meter = meter
        self.idleTimeout = idleTimeout
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let next = Self.unwrapOutboundIn(data)
        guard exchange == nil, !isClosing, context.channel.isActive else {
            next.promise.fail(ExchangeError.cutOff(isUntouched: true))
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        exchange = next
        answer = Answer()
        isWritten = false
        meter.reset()
        expire(at: next.deadline, context)
        let written = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        written.futureResult.whenSuccess { bound.value.isWritten = true }
        context.write(Self.wrapOutboundOut(.head(next.head)), promise: nil)
        context.write(Self.wrapOutboundOut(.body(.byteBuffer(next.body))), promise: nil)
        context.write(Self.wrapOutboundOut(.end(nil)), promise: written)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard exchange != nil else { return close(context) }
        switch Self.unwrapInboundIn(data) {
        case .head(let head): answer.head = head
        case .body(let buffer):
            let room = AttemptOutcome.Answer.maximumExcerptBytes - answer.excerpt.count
            answer.excerpt.append(contentsOf: buffer.readableBytesView.prefix(max(0, room)))
        case .end: reply(isComplete: true, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case AnswerMeter.Event.exceeded = event {
            // The status counts, however much follows. Without a head there is no answer, and an idle connection was owed none.
            if exchange != nil, answer.head != nil { reply(isComplete: false, context) } else { fail(.malformed, context) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        // A receiver that closes without TLS's farewell ends its answer like one that closes a socket; the end decides whether it was
        // complete.
        case NIOSSLError.uncleanShutdown: break
        case HTTPParserError.invalidEOFState: fail(cutOff, context)
        case is HTTPParserError, is NIOHTTPDecoderError: fail(.malformed, context)
        default: fail(cutOff, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(cutOff, context)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(cutOff, context)
        timer?.task.cancel()
        timer = nil
    }

    private var cutOff: ExchangeError { .cutOff(isUntouched: meter.received == 0) }

    private func reply(isComplete: Bool, _ context: ChannelHandlerContext) {
        guard let head = answer.head, let promise = finish() else { return }
        let isReusable = isComplete && isWritten && head.isKeepAlive && head.status != .switchingProtocols
        promise.succeed(
            Exchange.Reply(
                status: Int(head.status.code),
                retryAfter: head.headers.first(name: "retry-after"),
                excerpt: answer.excerpt,
                isReusable: isReusable
            )
        )
        if isReusable { expire(at: context.eventLoop.now + idleTimeout, context) } else { close(context) }
    }

    private func fail(_ error: ExchangeError, _ context: ChannelHandlerContext) {
        // First the exchange, so that its error is not one that follows from closing.
        finish()?.fail(error)
        close(context)
    }

    private func close(_ context: ChannelHandlerContext) {
        isClosing = true
        context.close(promise: nil)
    }

    /// Ends the exchange, and returns the promise of its answer; nil if no exchange is under way.
    private func finish() -> EventLoopPromise<Exchange.Reply>? {
        defer { exchange = nil }
        return exchange?.promise
    }

    /// Ends exchange or connection at a time, unless that is moved.
    private func expire(at time: NIODeadline, _ context: ChannelHandlerContext) {
        expiry = time
        if let timer, timer.time <= time { return }
        timer?.task.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(deadline: time) {
            let (handler, context) = bound.value
            handler.timerFired(context)
        }
        timer = (task, time)
    }

    private func timerFired(_ context: ChannelHandlerContext) {
        timer = nil
        if expiry <= context.eventLoop.now { fail(.timedOut, context) } else { expire(at: expiry, context) }
    }
}
