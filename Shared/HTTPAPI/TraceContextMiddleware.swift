import EventModel
public import Hummingbird

/// Reads a request's trace from `traceparent`, for log lines and stored events. A malformed or repeated header is ignored (W3C Trace
/// Context §3.2) and never logged.
public struct TraceContextMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    /// Creates the middleware.
    public init() {}

    /// Sets the trace, then calls `next`.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        guard let trace = RequestIdentity.trace(in: request.headers) else { return try await next(request, context) }
        var context = context
        context.setTrace(trace)
        return try await next(request, context)
    }
}
