public import AccessControl
import Basics
public import HTTPTypes
public import Hummingbird
public import Logging
import Synchronization

/// Counts each request, and logs one line for it at `info`: request, principal and response. The target is redacted (contract §1).
///
/// The duration ends with the response head; for a stream, when the stream begins.
public struct AccessLogMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let clock = ContinuousClock()
    private let counts: RequestCounts

    /// Creates the middleware.
    ///
    /// - Parameter counts: counts the requests.
    public init(counts: RequestCounts = .ofProcess) {
        self.counts = counts
    }

    /// Counts and logs the request after `next` has answered.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = clock.now
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
        AccessLog.record(
            request.head,
            route: context.routePattern,
            status: status,
            principal: context.record.principal.withLock { $0 },
            duration: clock.now - start,
            in: counts,
            to: context.logger
        )
    }
}

/// Counts a request and writes its access log line.
public enum AccessLog {
    /// Counts a request, and logs it at `info`.
    ///
    /// - Parameters:
    ///   - route: the pattern of its route; nil if no route takes it.
    ///   - principal: the authenticated identity; nil if unknown.
    ///   - duration: from the request to the response head.
    ///   - counts: counts the request, whether it is logged or not.
    ///   - logger: has the request id in its metadata.
    public static func record(
        _ request: HTTPRequest,
        route: String?,
        status: Int,
        principal: Principal?,
        duration: Duration,
        in counts: RequestCounts = .ofProcess,
        to logger: Logger
    ) {
        counts.add(route: route, method: request.method, status: status)
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
