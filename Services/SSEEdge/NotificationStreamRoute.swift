import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EventModel
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird

/// `GET /v1/notifications/stream`: validates a request and opens its stream. Contract §4.
///
/// Client errors are JSON responses before the stream begins. Temporary failures (overload, limits, a drain, an unreachable log) are a 200
/// with one `stream.end`.
struct NotificationStreamRoute: Sendable {
    static let path: RouterPath = "/v1/notifications/stream"
    /// The roles that may open the stream.
    static let roles: Set<Role> = [.admin, .member]

    let edge: Edge
    let encoder = NotificationStreamEncoder()
    let origins: OriginPolicy

    /// Registers the route, with its `HEAD`.
    func register(on routes: some RouterMethods<APIRequestContext>, door: DoorRoutes, authenticator: Authenticator) {
        door.authenticated(by: authenticator, anyOf: Self.roles, on: Self.path) { try self.validate($0, $1, $2) }
        routes.get(Self.path) { request, context in try await self.stream(request, context) }
        routes.head(Self.path) { request, context in
            _ = try self.accept(request, context)
            return Response(status: .ok, headers: Self.fields)
        }
    }

    private func stream(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let stream = try self.accept(request, context)
        if let ending = try await self.edge.open(stream, context) { return self.edge.refusal(ending, Self.fields, in: self.encoder) }
        return Response(status: .ok)
    }

    private func accept(_ request: Request, _ context: APIRequestContext) throws -> StreamRequest {
        try self.validate(request, try context.requireRole(anyOf: Self.roles), context.identity)
    }

    /// Validates the request of an authorised principal.
    private func validate(_ request: Request, _ principal: Principal, _ identity: RequestIdentity) throws -> StreamRequest {
        let query = QueryParameters(unbounded: request.uri.query)
        return StreamRequest(
            principal: principal,
            filter: try query.typeFilter(),
            start: StreamRequest.Start(cursor: request.lastEventID),
            encoder: self.encoder,
            head: ResponseHead.ofStream(Self.fields, to: request, identity, self.origins),
            requestID: identity.requestID,
            trace: identity.trace
        )
    }

    /// Header fields of every stream of this edge.
    static var fields: HTTPFields {
        [
            .contentType: "text/event-stream; charset=utf-8",
            .cacheControl: "no-cache, no-transform",
            .accelBuffering: "no",
        ]
    }
}

extension HTTPField.Name {
    /// `X-Accel-Buffering`: disables response buffering in nginx.
    fileprivate static var accelBuffering: HTTPField.Name {
        guard let name = HTTPField.Name("X-Accel-Buffering") else { preconditionFailure("a constant that is a token") }
        return name
    }
}
