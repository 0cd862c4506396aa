import NIOCore
import NIOHTTP1

/// One request on a connection, and the promise of its answer: written into the connection's ``ExchangeHandler``.
struct Exchange: Sendable {
    var head: HTTPRequestHead
    var body: ByteBuffer
    /// Answered with a ``Reply``; fails with an ``ExchangeError``. Of the connection's event loop.
    var promise: EventLoopPromise<Reply>
    /// When the answer must be complete.
    var deadline: NIODeadline

    /// An answer.
    struct Reply: Sendable {
        var status: Int
        var retryAfter: String?
        /// The beginning of the body.
        var excerpt: [UInt8]
        /// Whether the connection can take another request.
        var isReusable: Bool
    }
}

/// Why an exchange has no answer.
enum ExchangeError: Error, Hashable {
    /// The deadline passed.
    case timedOut
    /// The connection ended. `isUntouched`: before any byte of an answer.
    case cutOff(isUntouched: Bool)
    /// The answer is not HTTP/1.1.
    case malformed
    /// The exchange was abandoned.
    case cancelled
}
