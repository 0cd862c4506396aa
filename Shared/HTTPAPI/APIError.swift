public import Hummingbird
public import NIOCore

/// An answer that is not a success, as every HTTP surface gives it (contract §1):
/// `{"error":"<code>","message":"<a sentence a person can act on>"}`.
///
/// Thrown from a handler or a middleware; ``ErrorMiddleware`` turns it into the response.
public struct APIError: HTTPResponseError, Equatable, CustomStringConvertible {
    /// What a client's program decides by.
    public let code: Code
    /// What a person reads: a sentence that says what to do.
    public let message: String
    /// The code's own, but for what concerns the protocol alone and has no code.
    public let status: HTTPResponse.Status
    /// `WWW-Authenticate`, `Allow` or `Retry-After`, where the code demands one.
    public let headers: HTTPFields

    private init(_ code: Code, _ message: String, status: HTTPResponse.Status? = nil, headers: HTTPFields = [:]) {
        self.code = code
        self.status = status ?? code.status
        self.message = message
        self.headers = headers
    }

    public var description: String { "\(code.rawValue): \(message)" }

    public func response(from request: Request, context: some RequestContext) throws -> Response {
        try response(to: request.method)
    }

    /// The response; without its body where the method allows none (RFC 9110 §9.3.2).
    func response(to method: HTTPRequest.Method) throws -> Response {
        let response = Response.json(encoded: try body(), status: status, headers: headers)
        return method == .head ? response.createHeadResponse() : response
    }

    /// The body of the response: for answers that are given before there is a request to route.
    public func body() throws -> ByteBuffer {
        try Response.encoded(Body(error: code.rawValue, message: message))
    }

    private struct Body: Encodable {
        let error: String
        let message: String
    }
}

extension APIError {
    /// 401: no token, or none that is accepted.
    public static func unauthorized(_ message: String) -> APIError {
        APIError(.unauthorized, message, headers: [.wwwAuthenticate: "Bearer"])
    }

    /// 403: the token is good, its bearer may not do this.
    public static func forbidden(_ message: String) -> APIError {
        APIError(.forbidden, message)
    }

    /// 404, also for what belongs to another tenant.
    public static func notFound(_ message: String = Code.notFound.sentence) -> APIError {
        APIError(.notFound, message)
    }

    /// 405, naming the methods that the path does have.
    public static func methodNotAllowed(allow: [HTTPRequest.Method]) -> APIError {
        let names = allow.map(\.rawValue).joined(separator: ", ")
        return APIError(.methodNotAllowed, "This address cannot be used with this method: use \(names).", headers: [.allow: names])
    }

    /// 400: something in the request must be corrected.
    public static func validation(_ message: String) -> APIError {
        APIError(.validationError, message)
    }

    /// A request that cannot become another protocol: 400, 405 or 426 with what would have done.
    public static func handshake(_ message: String, status: HTTPResponse.Status, headers: HTTPFields) -> APIError {
        APIError(status == .methodNotAllowed ? .methodNotAllowed : .validationError, message, status: status, headers: headers)
    }

    /// 408: the head of a request did not come to its end in time.
    public static func headTimeout(seconds: Int64) -> APIError {
        APIError(.validationError, "The request's head must arrive within \(seconds) s: send it in one piece.", status: .requestTimeout)
    }

    /// 403: an approval that its own requester, or nobody by name, asks to decide (contract §7).
    public static func selfApproval(_ message: String = Code.selfApproval.sentence) -> APIError {
        APIError(.selfApproval, message)
    }

    /// 409: an approval that nobody decided in time.
    public static func expired(_ message: String = Code.expired.sentence) -> APIError {
        APIError(.expired, message)
    }

    /// 409: an approval that somebody has already decided.
    public static func alreadyResolved(_ message: String) -> APIError {
        APIError(.alreadyResolved, message)
    }

    /// 409: an id or an `Idempotency-Key` that is already used for other content, or a digest that is not the request's.
    public static func conflict(_ message: String) -> APIError {
        APIError(.conflict, message)
    }

    /// 413, saying what is too large and what the limit is.
    public static func payloadTooLarge(_ message: String) -> APIError {
        APIError(.payloadTooLarge, message)
    }

    /// 413 for a whole body, naming the limit where it is known.
    public static func payloadTooLarge(maximumBytes: Int?) -> APIError {
        APIError(.payloadTooLarge, "The body is too large: send \(maximumBytes.map { "at most \($0) bytes" } ?? "less").")
    }

    /// 415, naming what is accepted.
    public static func unsupportedMediaType(accepted: [String]) -> APIError {
        APIError(.unsupportedMediaType, "The body has the wrong type: send it with Content-Type \(accepted.joined(separator: " or ")).")
    }

    /// 429.
    /// - Parameter retryAfter: seconds.
    public static func rateLimited(_ message: String, retryAfter: Int) -> APIError {
        APIError(.rateLimited, message, headers: [.retryAfter: "\(max(1, retryAfter))"])
    }

    /// 500. Says nothing about the cause, which is logged.
    public static let `internal` = APIError(.internal, Code.internal.sentence)

    /// 500 for what an operator has to mend: repeating the request is of no use, and the cause is in readiness and in the logs.
    public static func `internal`(_ message: String) -> APIError {
        APIError(.internal, message)
    }

    /// 503: a dependency is out of reach, or the process is about to stop. Only for what can succeed later; the rest is a 4xx or ``internal``.
    /// - Parameter retryAfter: seconds.
    public static func serviceUnavailable(_ message: String, retryAfter: Int) -> APIError {
        APIError(.serviceUnavailable, message, headers: [.retryAfter: "\(max(1, retryAfter))"])
    }
}
