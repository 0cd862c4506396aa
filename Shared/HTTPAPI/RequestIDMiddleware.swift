import AccessControl
public import Basics
import EventModel
import HTTPTypes
public import Hummingbird

/// Assigns a request id and sets `X-Request-Id` on every response (contract §1). Must be outermost.
public struct RequestIDMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let now: WallClock

    /// - Parameter now: milliseconds since 1970 UTC, for generated ids.
    public init(now: @escaping WallClock = SystemClock.now) {
        self.now = now
    }

    /// Takes the client's id or generates one, then calls `next`.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let id = RequestIdentity.id(in: request.headers, now: now)
        var context = context
        context.setRequestID(id)
        var response = try await next(request, context)
        response.headers[.requestID] = id
        return response
    }
}
