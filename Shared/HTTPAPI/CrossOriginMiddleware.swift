import HTTPTypes
public import Hummingbird

/// Cross-origin resource sharing (Fetch standard, §3.2): answers preflight requests itself and gives every other response what its origin
/// may have. Stands outside ``ErrorMiddleware``, because a browser must be able to read errors too.
public struct CrossOriginMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    private let policy: CORSPolicy

    public init(_ policy: CORSPolicy) {
        self.policy = policy
    }

    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin]
        if request.method == .options, let origin, request.headers.contains(.accessControlRequestMethod) {
            return Response(status: .noContent, headers: policy.preflightHeaders(origin: origin))
        }
        var response = try await next(request, context)
        for field in policy.responseHeaders(origin: origin) {
            if field.name == .vary {
                response.headers.append(field)
            } else {
                response.headers[field.name] = field.value
            }
        }
        return response
    }
}
