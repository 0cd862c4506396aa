import EventModel
public import Hummingbird

/// Takes the trace of a request from `traceparent`, for its log lines and for what comes of it. A header that is malformed, or there twice, is
/// ignored (W3C Trace Context §3.2), and never shown: anybody can send anything in it.
public struct TraceContextMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    public init() {}

    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let values = request.headers[values: .traceParent]
        guard values.count == 1, let trace = TraceParent(values[0]) else { return try await next(request, context) }
        var context = context
        context.setTrace(trace)
        return try await next(request, context)
    }
}
