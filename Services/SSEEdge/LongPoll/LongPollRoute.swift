import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EventModel
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird

/// `GET /v1/events`: returns the events after a cursor as one JSON document; waits for the first one if there are none. Contract §15.
///
/// Implemented as a stream whose ``EndPolicy`` ends it after one batch. Temporary failures are HTTP statuses, since its clients can read
/// them.
struct LongPollRoute: Sendable {
    static let path: RouterPath = "/v1/events"

    let edge: Edge
    let encoder = LongPollEncoder()
    let origins: OriginPolicy

    /// Registers the route, with its `HEAD`.
    func register(on routes: some RouterMethods<APIRequestContext>, door: DoorRoutes, authenticator: Authenticator) {
        door.authenticated(by: authenticator, anyOf: NotificationStreamRoute.roles, on: Self.path) { try self.validate($0, $1, $2) }
        routes.get(Self.path) { request, context in try await self.poll(request, context) }
        routes.head(Self.path) { request, context in
            _ = try self.accept(request, context)
            return Response(status: .ok, headers: Self.fields)
        }
    }

    private func poll(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let stream = try self.accept(request, context)
        if let ending = try await self.edge.open(stream, context) { throw self.refusal(ending) }
        return Response(status: .ok)
    }

    private func accept(_ request: Request, _ context: APIRequestContext) throws -> StreamRequest {
        try self.validate(request, try context.requireRole(anyOf: NotificationStreamRoute.roles), context.identity)
    }

    /// Validates the request of an authorised principal.
    private func validate(_ request: Request, _ principal: Principal, _ identity: RequestIdentity) throws -> StreamRequest {
        let query = QueryParameters(unbounded: request.uri.query)
        let filter = try query.typeFilter()
        let asked = try LongPollQuery(query)
        return StreamRequest(
            principal: principal,
            filter: filter,
            start: StreamRequest.Start(cursor: request.lastEventID),
            encoder: self.encoder,
            end: asked.end,
            head: ResponseHead.ofStream(Self.fields, to: request, identity, self.origins),
            requestID: identity.requestID,
            trace: identity.trace
        )
    }

    /// Converts an ending that refuses the stream to an error response.
    private func refusal(_ ending: Ending) -> APIError {
        let sentence = ending.sentence
        let message = "\(sentence.prefix(1).uppercased())\(sentence.dropFirst())."
        let seconds = Int(clamping: (self.edge.configuration.retry.milliseconds + 999) / 1000)
        return ending.kind == .limit
            ? .rateLimited(message, retryAfter: seconds) : .serviceUnavailable(message, retryAfter: seconds)
    }

    private static var fields: HTTPFields { [.contentType: "application/json", .cacheControl: "no-store"] }
}
