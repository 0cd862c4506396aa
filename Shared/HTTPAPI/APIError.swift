public import Hummingbird
public import NIOCore

/// An error response of an HTTP surface (contract §1):
/// `{"error":"<code>","message":"<a sentence a person can act on>"}`.
///
/// Thrown from a handler or a middleware; ``ErrorMiddleware`` turns it into the response.
public struct APIError: HTTPResponseError, Equatable, CustomStringConvertible {
    /// The code, which client programs switch on.
    public let code: Code
    /// A sentence for people, with the remedy.
    public let message: String
    /// The code's status; another one only for protocol errors without a code.
    public let status: HTTPResponse.Status
    /// `WWW-Authenticate`, `Allow` or `Retry-After`, where the code requires one.
    public let headers: HTTPFields

    private init(_ code: Code, _ message: String, status: HTTPResponse.Status? = nil, headers: HTTPFields = [:]) {
        self.code = code
        self.status = status ?? code.status
        self.message = message
        self.headers = headers
    }

    public var description: String { "\(code.rawValue): \(message)" }

    /// Creates the response.
    public func response(from request: Request, context: some RequestContext) throws -> Response {
        try response(to: request.method)
    }

    /// Creates the response; without a body where the method allows none (RFC 9110 §9.3.2).
    func response(to method: HTTPRequest.Method) throws -> Response {
        let response = Response.json(encoded: try body(), status: status, headers: headers)
        return method == .head ? response.createHeadResponse() : response
    }

    /// Encodes the body, for responses that are sent before routing.
    public func body() throws -> ByteBuffer {
        try Response.encoded(Body(error: code.rawValue, message: message))
    }

    private struct Body: Encodable {
        let error: String
        let message: String
    }
}

extension APIError {
    /// 401: the token is missing or refused.
    public static func unauthorized(_ message: String) -> APIError {
        APIError(.unauthorized, message, headers: [.wwwAuthenticate: "Bearer"])
    }

    /// 403: the token's bearer lacks permission.
    public static func forbidden(_ message: String) -> APIError {
        APIError(.forbidden, message)
    }

    /// 404, also for resources of another tenant.
    public static func notFound(_ message: String = Code.notFound.sentence) -> APIError {
        APIError(.notFound, message)
    }

    /// 410: the log's retention has removed what the request names.
    public static func gone(_ message: String = Code.gone.sentence) -> APIError {
        APIError(.gone, message)
    }

    /// 405, with the path's methods in `Allow`.
    public static func methodNotAllowed(allow: [HTTPRequest.Method]) -> APIError {
        let names = allow.map(\.rawValue).joined(separator: ", ")
        return APIError(.methodNotAllowed, "This address cannot be used with this method: use \(names).", headers: [.allow: names])
    }

    /// 400: the request must be corrected.
    public static func validation(_ message: String) -> APIError {
        APIError(.validationError, message)
    }

    /// 400, 405 or 426: the upgrade handshake failed; names the requirement.
    public static func handshake(_ message: String, status: HTTPResponse.Status, headers: HTTPFields) -> APIError {
        APIError(status == .methodNotAllowed ? .methodNotAllowed : .validationError, message, status: status, headers: headers)
    }

    /// 408: the request head did not arrive in time.
    public static func headTimeout(seconds: Int64) -> APIError {
        APIError(.validationError, "The request's head must arrive within \(seconds) s: send it in one piece.", status: .requestTimeout)
    }

    /// 403: an approval request must be decided by another, named user (contract §7).
    public static func selfApproval(_ message: String = Code.selfApproval.sentence) -> APIError {
        APIError(.selfApproval, message)
    }

    /// 409: the approval has expired.
    public static func expired(_ message: String = Code.expired.sentence) -> APIError {
        APIError(.expired, message)
    }

    /// 409: the approval is already decided.
    public static func alreadyResolved(_ message: String) -> APIError {
        APIError(.alreadyResolved, message)
    }

    /// 409: the caller has already voted on the approval with another action (contract §12).
    public static func alreadyVoted(_ message: String = Code.alreadyVoted.sentence) -> APIError {
        APIError(.alreadyVoted, message)
    }

    /// 409: the approval is consumed before it is approved, or was rejected or expired (contract §12).
    public static func notApproved(_ message: String = Code.notApproved.sentence) -> APIError {
        APIError(.notApproved, message)
    }

    /// 409: the approval has already been consumed; another request did it (contract §12).
    public static func alreadyConsumed(_ message: String = Code.alreadyConsumed.sentence) -> APIError {
        APIError(.alreadyConsumed, message)
    }

    /// 409: an id or an `Idempotency-Key` is in use for other content, or the digest does not match the request.
    public static func conflict(_ message: String) -> APIError {
        APIError(.conflict, message)
    }

    /// 413, with what is too large and the limit.
    public static func payloadTooLarge(_ message: String) -> APIError {
        APIError(.payloadTooLarge, message)
    }

    /// 413 for a whole body, with the limit if known.
    public static func payloadTooLarge(maximumBytes: Int?) -> APIError {
        APIError(.payloadTooLarge, "The body is too large: send \(maximumBytes.map { "at most \($0) bytes" } ?? "less").")
    }

    /// 415, with the accepted types.
    public static func unsupportedMediaType(accepted: [String]) -> APIError {
        APIError(.unsupportedMediaType, "The body has the wrong type: send it with Content-Type \(accepted.joined(separator: " or ")).")
    }

    /// 429: rate limit exceeded.
    /// - Parameter retryAfter: seconds.
    public static func rateLimited(_ message: String, retryAfter: Int) -> APIError {
        APIError(.rateLimited, message, headers: [.retryAfter: "\(max(1, retryAfter))"])
    }

    /// 500. Without the cause, which is logged.
    public static let `internal` = APIError(.internal, Code.internal.sentence)

    /// 500 for a fault that an operator must fix: a retry does not help; the cause is in readiness and in the logs.
    public static func `internal`(_ message: String) -> APIError {
        APIError(.internal, message)
    }

    /// 503: a dependency is unreachable, or the process is stopping. Only for errors where a retry may help; others are a 4xx or
    /// ``internal``.
    /// - Parameter retryAfter: seconds.
    public static func serviceUnavailable(_ message: String, retryAfter: Int) -> APIError {
        APIError(.serviceUnavailable, message, headers: [.retryAfter: "\(max(1, retryAfter))"])
    }
}
