import AccessControl
import Basics
import EdgeRuntime
import EventLog
import EventModel
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird
import Logging
import ServiceKit

extension AnyConfigurationKey {
    /// Heartbeat interval of an idle execution stream.
    static let executionHeartbeatInterval = ConfigurationKey(
        "execution.heartbeat.interval",
        .duration(.milliseconds(100) ... .seconds(3600)),
        default: "15s",
        help: "Between two heartbeat comments on an execution stream."
    )
}

/// `GET /api/streaming/agents/{name}/stream` and `GET /api/streaming/workflows/{id}/stream`: streams one execution, from its first event or
/// from the client's position, through its final event. Contract §9.
///
/// Client errors are JSON responses. Temporary failures are a 200 with one `stream.end`, as on the notification stream. A 204 stops an
/// `EventSource` that has received every event.
struct ExecutionStreamRoute: Sendable {
    static let paths: [(path: RouterPath, kind: ExecutionReference.Kind)] = [
        ("/api/streaming/agents/:name/stream", .agents),
        ("/api/streaming/workflows/:name/stream", .workflows),
    ]

    private let edge: Edge
    private let encoder: ExecutionStreamEncoder
    private let origins: OriginPolicy

    init(edge: Edge, heartbeatInterval: Duration, origins: OriginPolicy) {
        self.edge = edge
        self.encoder = ExecutionStreamEncoder(interval: heartbeatInterval)
        self.origins = origins
    }

    /// Registers the routes, with their `HEAD`.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        for (path, kind) in Self.paths {
            routes.get(path) { request, context in try await self.stream(request, context, kind) }
            routes.head(path) { request, context in
                switch try await self.answer(ExecutionStreamQuery(request, context, kind), context) {
                case .begins(_, let run): Response(status: .ok, headers: self.fields(run))
                case .refused(let ending): self.refusal(ending).createHeadResponse()
                case .seenAll: Response(status: .noContent)
                }
            }
        }
    }

    private func stream(_ request: Request, _ context: APIRequestContext, _ kind: ExecutionReference.Kind) async throws -> Response {
        let query = try ExecutionStreamQuery(request, context, kind)
        let admission: Admission
        switch self.edge.admit(tenant: query.reference.tenant) {
        case .admitted(let taken): admission = taken
        case .refused(let ending): return self.refusal(ending)
        }
        let place: StreamPlace
        let run: ExecutionRun?
        switch try await self.answer(query, context) {
        case .begins(let begin, let current): (place, run) = (begin, current)
        case .refused(let ending): return self.refusal(ending)
        case .seenAll: return Response(status: .noContent)
        }
        let stream = StreamRequest(
            principal: query.principal,
            source: .execution(query.reference),
            start: .place(place),
            encoder: self.encoder,
            end: .atFinalEntry,
            head: ResponseHead.ofStream(self.fields(run), to: request, context.identity, self.origins),
            requestID: context.requestID,
            trace: context.trace
        )
        try await self.edge.adopt(context.channel, request: stream, admission: admission)
        // The connection has left NIO, so this response is not sent.
        return Response(status: .ok)
    }

    private enum Answer {
        case begins(StreamPlace, run: ExecutionRun?)
        case seenAll
        /// Refused for a temporary reason.
        case refused(Ending)
    }

    private func answer(_ query: ExecutionStreamQuery, _ context: APIRequestContext) async throws(APIError) -> Answer {
        let answer: ExecutionAnswer
        do throws(EventLogError) {
            answer = try await self.edge.execution(
                query.reference,
                in: self.encoder,
                run: query.run,
                after: query.number,
                waits: query.waits
            )
        } catch {
            context.logger.warning("cannot tell where an execution stream begins", metadata: [LogKey.error: "\(error)"])
            return .refused(.unavailable)
        }
        switch answer {
        case .begins(let place, let run): return .begins(place, run: run)
        case .seenAll: return .seenAll
        case .unknown:
            throw .notFound(
                query.run == nil
                    ? "Nothing has run under this name yet: check it, or add ?wait=true to wait for it."
                    : "There is no such execution under this name, or the log does not keep it any more; leave ?execution out for the current one."
            )
        }
    }

    /// Returns a response that contains only `stream.end`.
    private func refusal(_ ending: Ending) -> Response {
        self.edge.refusal(ending, self.fields(nil), in: self.encoder)
    }

    private func fields(_ run: ExecutionRun?) -> HTTPFields {
        var fields = NotificationStreamRoute.fields
        // An execution id may contain any characters; a header only visible ASCII.
        if let run { fields[.execution] = CloudEventHeaders.encode(run.text) }
        return fields
    }
}

extension HTTPField.Name {
    /// `Causeway-Execution`: the id of the streamed execution.
    fileprivate static var execution: HTTPField.Name {
        guard let name = HTTPField.Name("Causeway-Execution") else { preconditionFailure("a constant that is a token") }
        return name
    }
}
