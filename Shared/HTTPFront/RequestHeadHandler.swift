import NIOCore
import NIOHTTP1

/// Why a request whose head the decoder has let pass is not read.
enum RequestHeadError: Error {
    /// There is not one `Host` (RFC 9112 §3.2).
    case host
}

/// What RFC 9112 asks of a request's head and the decoder lets pass. It stands where the version is still known.
///
/// 1. A request without the one `Host` that it must have is not read (§3.2).
/// 2. A client of HTTP/1.0 that does not ask to keep the connection waits for its end (§9.3).
/// 3. A client of HTTP/1.0 can neither upgrade nor wait for `100 Continue` (RFC 9110 §7.8, §10.1.1).
/// 4. Behind the last request that the decoder reads, nothing is read from the socket any more: it would be kept, without a bound, until the request
///    has been judged. What the client sends stays with the kernel, whose window holds the client up, for whoever takes the connection over.
///
/// It is the one handler that knows which requests of the connection are in flight.
final class RequestHeadHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How many heads the decoder has read.
    private(set) var headsRead = 0
    /// Whether the request whose head was read last has not come to its end.
    private(set) var isReadingRequest = false
    /// Requests whose heads were read and whose answers have not been written to their end.
    private var unanswered = 0
    private var hasRefused = false
    /// Whether the decoder reads no further request than the one that it is reading.
    private var isLastRequest = false
    /// Whether that one has come to its end.
    private var hasReadLast = false

    /// Whether an answer is owed.
    var owesAnswer: Bool { self.unanswered != 0 }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = self.unwrapOutboundIn(data) { self.unanswered -= 1 }
        context.write(data, promise: promise)
    }

    func read(context: ChannelHandlerContext) {
        guard !self.hasReadLast else { return }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.hasRefused else { return }
        let part = self.unwrapInboundIn(data)
        if case .head = part {
            self.headsRead += 1
            self.isReadingRequest = true
            self.unanswered += 1
        }
        if case .end = part {
            self.isReadingRequest = false
            if self.isLastRequest { self.hasReadLast = true }
        }
        guard case .head(var head) = part else { return context.fireChannelRead(data) }
        self.isLastRequest = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        let hosts = head.headers["host"].count
        let isOld = head.version != .http1_1
        guard hosts == 1 || hosts == 0 && isOld else {
            self.hasRefused = true
            return context.fireErrorCaught(RequestHeadError.host)
        }
        if isOld {
            // The decoder reads nothing behind a request that asks for an upgrade.
            let isLast = !head.isKeepAlive || head.headers.contains(name: "upgrade")
            head.headers.remove(name: "upgrade")
            head.headers.remove(name: "expect")
            if isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
        }
        context.fireChannelRead(self.wrapInboundOut(.head(head)))
    }
}
