public import AccessControl
import Basics
public import HTTPTypes
public import Hummingbird
public import Logging
import Synchronization

/// Logs one line per request at `info`: request, principal and response. The target is redacted (contract §1).
///
/// The duration ends with the response head; for a stream, when the stream begins.
public struct AccessLogMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let clock = ContinuousClock()

    /// Creates the middleware.
    public init() {}

    /// Logs the request after `next` has answered.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = clock.now
        var context = context
        context.record = RequestRecord()
        do {
            let response = try await next(request, context)
            log(request, context, status: response.status.code, since: start)
            return response
        } catch {
            // Only malformed HTTP passes ``ErrorMiddleware``; the server responds with 400.
            log(request, context, status: HTTPResponse.Status.badRequest.code, since: start)
            throw error
        }
    }

    private func log(_ request: Request, _ context: APIRequestContext, status: Int, since start: ContinuousClock.Instant) {
        let principal = context.record?.principal.withLock { $0 }
        AccessLog.log(request.head, status: status, principal: principal, duration: clock.now - start, to: context.logger)
    }
}

/// Writes the access log line of a request.
public enum AccessLog {
    /// Logs a request at `info`.
    ///
    /// - Parameters:
    ///   - principal: the authenticated identity; nil if unknown.
    ///   - duration: from the request to the response head.
    ///   - logger: has the request id in its metadata.
    public static func log(_ request: HTTPRequest, status: Int, principal: Principal?, duration: Duration, to logger: Logger) {
        guard logger.logLevel <= .info else { return }
        var metadata: Logger.Metadata = [
            LogKey.httpMethod: "\(request.method.rawValue)",
            LogKey.httpTarget: "\(Redaction.redacted(target: request.path ?? ""))",
            LogKey.httpStatus: "\(status)",
            LogKey.httpDuration: "\(duration / .milliseconds(1))",
        ]
        if let principal {
            metadata[LogKey.tenant] = "\(principal.tenant)"
            metadata[LogKey.user] = "\(principal.user)"
        }
        logger.info("Request", metadata: metadata)
    }
}
