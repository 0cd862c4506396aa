import HTTPAPI
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Replaces the server's bare 400 for unparseable requests with the JSON error body (contract §1). Such requests do not reach the router;
/// the server closes the connection after the response.
final class UnreadableRequestHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var error: APIError?

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case RequestHeadError.host:
            self.error = .validation("Host: must be given once (RFC 9112 §3.2).")
            // The only kind of error that the server answers.
            context.fireErrorCaught(HTTPParserError.unknown)
        case let error as HTTPParserError:
            self.error = Self.answer(to: error)
            context.fireErrorCaught(error)
        default:
            context.fireErrorCaught(error)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let error, case .head(var response) = self.unwrapOutboundIn(data), response.status == .badRequest,
            response.headerFields[.contentLength] == "0", let body = try? error.body()
        else { return context.write(data, promise: promise) }
        response.headerFields[.contentType] = "application/json"
        response.headerFields[.contentLength] = "\(body.readableBytes)"
        response.headerFields[.requestID] = RequestIdentity.makeID()
        context.write(self.wrapOutboundOut(.head(response)), promise: promise)
        context.write(self.wrapOutboundOut(.body(body)), promise: nil)
    }

    private static func answer(to error: HTTPParserError) -> APIError {
        switch error {
        case .headerOverflow: .validation("The request's head is too long: send fewer or shorter header fields.")
        default: .validation("The request is not HTTP/1.1 as RFC 9112 has it, so it was not read: check what your client sends.")
        }
    }
}
