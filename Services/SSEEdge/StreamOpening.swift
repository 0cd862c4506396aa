import AccessControl
import Basics
import EdgeRuntime
import EventLog
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird
import Logging

// Opening a stream: shared by the surfaces of this edge.

extension Edge {
    /// Admits a stream and moves its connection to a delivery loop.
    ///
    /// - Returns: the ending that refuses the stream; nil when the connection has left NIO, where a response is no longer sent.
    func open(_ stream: StreamRequest, _ context: APIRequestContext) async throws -> Ending? {
        let admission: Admission
        switch self.admit(tenant: stream.principal.tenant) {
        case .admitted(let taken): admission = taken
        case .refused(let ending): return ending
        }
        do throws(EventLogError) {
            try await self.adopt(context.channel, request: stream, admission: admission)
        } catch {
            context.logger.warning("cannot tell where a stream begins", metadata: [LogKey.error: "\(error)"])
            return .unavailable
        }
        return nil
    }

    /// Returns the response of a stream that is refused for a temporary reason: 200 with one `stream.end`, because an `EventSource` does
    /// not reconnect after an error response. Contract §4.
    func refusal(_ ending: Ending, _ fields: HTTPFields, in encoder: some ServerSentEventEncoder) -> Response {
        var fields = fields
        fields[.connection] = "close"
        return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: self.refusal(ending, in: encoder))))
    }
}

/// Refuses a stream whose ticket cannot be redeemed, because the bus is out of reach, like any other stream without a log. Must enclose the
/// middleware that authenticates.
struct TicketOutageMiddleware: RouterMiddleware {
    let edge: Edge

    func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as AuthenticationError where error.reason == .ticketsUnavailable {
            let response = self.edge.refusal(.unavailable, NotificationStreamRoute.fields, in: NotificationStreamEncoder())
            return request.method == .head ? response.createHeadResponse() : response
        }
    }
}

extension ResponseHead {
    /// Encodes the head of a response whose body ends with the connection: `fields`, and the fields of every response (request id, CORS).
    static func ofStream(_ fields: HTTPFields, to request: Request, _ identity: RequestIdentity, _ origins: OriginPolicy) -> [UInt8] {
        var fields = fields
        fields[.connection] = "close"
        fields[.requestID] = identity.requestID
        fields.append(contentsOf: origins.responseFields(to: request.head))
        return bytes(status: .ok, fields: fields)
    }
}
