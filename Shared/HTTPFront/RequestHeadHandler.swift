import NIOCore
import NIOHTTP1

/// The reason for refusing a request head that the decoder has accepted.
enum RequestHeadError: Error {
    /// `Host` is missing or repeated (RFC 9112 §3.2).
    case host
}

/// Enforces the rules of RFC 9112 for request heads that the decoder does not check. Its pipeline position is where the version is known.
///
/// 1. Refuses a request with a missing or repeated `Host` (§3.2).
/// 2. Closes the connection after the response to an HTTP/1.0 client that does not ask for keep-alive (§9.3).
/// 3. Ignores `Upgrade` and `Expect: 100-continue` of HTTP/1.0 clients (RFC 9110 §7.8, §10.1.1).
/// 4. Stops reading from the socket after the last request that the decoder reads: the bytes would be buffered without a bound until the
///    request is handled. They stay in the kernel, where the TCP window stops the client, for the next owner of the connection.
///
/// Only this handler knows which requests of the connection are in progress.
final class RequestHeadHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Number of heads that the decoder has read.
    private(set) var headsRead = 0
    /// Whether the request of the last head is incomplete.
    private(set) var isReadingRequest = false
    /// Number of requests whose responses have not ended.
    private var unanswered = 0
    private var hasRefused = false
    /// Whether the decoder reads no request after the current one.
    private var isLastRequest = false
    /// Whether that request is complete.
    private var hasReadLast = false

    /// Whether a response is still to be sent.
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
            // The decoder reads no request after one that asks for an upgrade.
            let isLast = !head.isKeepAlive || head.headers.contains(name: "upgrade")
            head.headers.remove(name: "upgrade")
            head.headers.remove(name: "expect")
            if isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
        }
        context.fireChannelRead(self.wrapInboundOut(.head(head)))
    }
}
