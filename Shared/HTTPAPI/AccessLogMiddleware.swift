import AccessControl
import Basics
public import Hummingbird
import Logging
import Synchronization

/// Logs one line per request at `info`: request, principal and response. The target is redacted (contract §1).
///
/// The duration ends with the response head; for a stream that is its beginning.
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
        guard context.logger.logLevel <= .info else { return }
        let elapsed = clock.now - start
        var metadata: Logger.Metadata = [
            LogKey.httpMethod: "\(request.method.rawValue)",
            LogKey.httpTarget: "\(Redaction.redacted(target: request.uri.string))",
            LogKey.httpStatus: "\(status)",
            LogKey.httpDuration: "\(elapsed / .milliseconds(1))",
        ]
        if let principal = context.record?.principal.withLock({ $0 }) {
            metadata[LogKey.tenant] = "\(principal.tenant)"
            metadata[LogKey.user] = "\(principal.user)"
        }
        context.logger.info("Request", metadata: metadata)
    }
}
