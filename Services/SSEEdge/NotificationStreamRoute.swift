import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EventModel
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird

/// `GET /v1/notifications/stream`: everything up to the moment at which a request becomes a stream. Contract §4.
///
/// Errors of the client are JSON answers before the stream begins. Whatever passes — overload, limits, a drain, a log out
/// of reach — is a 200 with one `stream.end`, because an `EventSource` never comes back from anything else.
struct NotificationStreamRoute: Sendable {
    static let path: RouterPath = "/v1/notifications/stream"
    /// Who may listen.
    static let roles: Set<Role> = [.admin, .member]

    let edge: Edge
    let encoder = NotificationStreamEncoder()
    let origins: OriginPolicy

    /// Registers the route, with its `HEAD`.
    func register(on routes: some RouterMethods<APIRequestContext>, door: DoorRoutes, authenticator: Authenticator) {
        door.authenticated(by: authenticator, anyOf: Self.roles, on: Self.path) { try self.judge($0, $1, $2) }
        routes.get(Self.path) { request, context in try await self.stream(request, context) }
        routes.head(Self.path) { request, context in
            _ = try self.accept(request, context)
            return Response(status: .ok, headers: Self.fields)
        }
    }

    private func stream(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let stream = try self.accept(request, context)
        if let ending = try await self.edge.open(stream, context) { return self.refusal(ending) }
        return Response(status: .ok)
    }

    private func accept(_ request: Request, _ context: APIRequestContext) throws -> StreamRequest {
        try self.judge(request, try context.requireRole(anyOf: Self.roles), context.identity)
    }

    /// Judges the request of a principal that may listen.
    private func judge(_ request: Request, _ principal: Principal, _ identity: RequestIdentity) throws -> StreamRequest {
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

    /// A stream that is over before it began.
    private func refusal(_ ending: Ending) -> Response {
        var fields = Self.fields
        fields[.connection] = "close"
        return Response(
            status: .ok,
            headers: fields,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: self.edge.refusal(ending, in: self.encoder)))
        )
    }

    /// What every stream of this edge is.
    static var fields: HTTPFields {
        [
            .contentType: "text/event-stream; charset=utf-8",
            .cacheControl: "no-cache, no-transform",
            .accelBuffering: "no",
        ]
    }
}

extension HTTPField.Name {
    /// Tells nginx not to buffer the response.
    fileprivate static var accelBuffering: HTTPField.Name {
        guard let name = HTTPField.Name("X-Accel-Buffering") else { preconditionFailure("a constant that is a token") }
        return name
    }
}
