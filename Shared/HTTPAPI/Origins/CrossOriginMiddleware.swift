import HTTPTypes
public import Hummingbird

/// Implements CORS (Fetch standard, §3.2): answers preflight requests, and adds the header fields of the origin to other responses. Must be
/// outside ``ErrorMiddleware``, because browsers must be able to read errors too.
public struct CrossOriginMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let policy: OriginPolicy

    /// Creates the middleware with the allowed origins.
    public init(_ policy: OriginPolicy) {
        self.policy = policy
    }

    /// Answers a preflight request, or calls `next` and adds the fields.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        if request.method == .options, request.headers.contains(.origin), request.headers.contains(.accessControlRequestMethod) {
            return Response(status: .noContent, headers: policy.preflightFields(to: request.head))
        }
        var response = try await next(request, context)
        for field in policy.responseFields(to: request.head) {
            if field.name == .vary {
                response.headers.append(field)
            } else {
                response.headers[field.name] = field.value
            }
        }
        return response
    }
}
