import HTTPTypes
public import Hummingbird

/// Cross-origin resource sharing (Fetch standard, §3.2): answers preflight requests itself and gives every other response the fields of
/// its origin. Stands outside ``ErrorMiddleware``, because a browser must be able to read errors too.
public struct CrossOriginMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    private let policy: OriginPolicy

    public init(_ policy: OriginPolicy) {
        self.policy = policy
    }

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
