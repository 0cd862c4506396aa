import AccessControl
import EventModel
public import Hummingbird
import Synchronization
public import Tracing

/// Reads a request's trace from `traceparent`, for log lines and stored events. A malformed or repeated header is ignored (W3C Trace
/// Context §3.2) and never logged. If the process exports spans, a request of a sampled trace is a span, which replaces the caller's as
/// the parent of what follows.
public struct TraceContextMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let tracer: any Tracer

    /// Creates the middleware.
    ///
    /// - Parameter tracer: records the spans.
    public init(tracer: any Tracer = InstrumentationSystem.tracer) {
        self.tracer = tracer
    }

    /// Sets the trace, then calls `next`.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let parent = RequestIdentity.trace(in: request.headers)
        let span: any Span = tracer.startSpan("request", context: InstrumentationContext(parent), ofKind: .server)
        defer { span.end() }
        var context = context
        // Without an exporter, the context comes back unchanged.
        if let trace = span.context.trace { context.setTrace(trace) }
        guard span.isRecording else { return try await next(request, context) }
        defer {
            if let principal = context.record.principal.withLock({ $0 }) { span.attributes[SpanKey.tenant] = "\(principal.tenant)" }
        }
        let (method, route) = RequestCounts.labels(route: context.routePattern, method: request.method)
        span.operationName = "\(method) \(route)"
        span.attributes = [SpanKey.method: .string(method), SpanKey.route: .string(route)]
        do {
            let response = try await next(request, context)
            span.attributes[SpanKey.status] = Int(response.status.code)
            if response.status.code >= 500 { span.setStatus(SpanStatus(code: .error)) }
            return response
        } catch {
            span.recordError(error)
            throw error
        }
    }
}
