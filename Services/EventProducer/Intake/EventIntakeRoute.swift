import Basics
import CausewayProducer
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import Logging
import NIOCore
import ServiceKit

/// `POST /v1/events` (contract §10): stores events, and responds when all are durable.
///
/// An invalid event refuses the whole request, and nothing is stored. After a failure of the log some events may be stored; a retry stores
/// the rest, if the events have ids or the request has an `Idempotency-Key`. Without either, each attempt gives the events new random ids.
struct EventIntakeRoute: Sendable {
    /// The route's path.
    static let path = "/v1/events"

    private let sink: any EventSink
    private let gate: IntakeGate
    private let now: @Sendable () -> Timestamp

    /// - Parameter gate: shared by all routes of the process.
    init(sink: any EventSink, gate: IntakeGate, now: @escaping @Sendable () -> Timestamp = { .now }) {
        self.sink = sink
        self.gate = gate
        self.now = now
    }

    /// Registers the route on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(RouterPath(Self.path)) { request, context in try await self.respond(to: request, context) }
    }

    private func respond(to request: Request, _ context: APIRequestContext) async throws -> Response {
        let head = try EventRequest(request.headers, from: context.requirePrincipal(), trace: context.trace)
        return try await gate.admit(request, from: head.publisher) { body in
            let now = now()
            let events = try head.events(in: body, now: now)
            try gate.shares.take(events)
            return (events: events, intake: now)
        } storing: { taken in
            .json(encoded: try await store(taken.events, of: head, intake: taken.intake, context), status: .accepted)
        }
    }

    /// Stores the events, and returns the body of the response.
    private func store(
        _ events: [Event],
        of head: EventRequest,
        intake: Timestamp,
        _ context: APIRequestContext
    ) async throws(APIError) -> ByteBuffer {
        let start = ContinuousClock.now
        let span = AppendSpan(of: context.trace)
        let events = span.adopt(events)
        let result: Result<[PublishedEvent], ProducerError>
        do throws(ProducerError) {
            let stored = try await sink.publishChecked(contentsOf: events, under: head.key, intake: intake, timeout: gate.limits.timeout)
            span.end(stored)
            result = .success(stored)
        } catch {
            span.end(failed: error)
            result = .failure(error)
        }
        return try gate.answer(to: events, of: head, result, after: start.duration(to: .now), context.logger)
    }
}

extension IntakeGate {
    /// Counts and logs what became of a request's events, and returns the body of the response.
    ///
    /// - Parameters:
    ///   - duration: how long the log took.
    ///   - logger: of the request.
    /// - Throws: the error response.
    func answer(
        to events: [Event],
        of head: EventRequest,
        _ result: Result<[PublishedEvent], ProducerError>,
        after duration: Duration,
        _ logger: Logger
    ) throws(APIError) -> ByteBuffer {
        switch result {
        case .success(let stored):
            metrics.acknowledged(stored, after: duration)
            StoredEvents.log(events, stored, to: logger)
            let answer: JSONObject = ["accepted": .integer(stored.count), "ids": .strings(stored.map(\.cursor.text))]
            return ByteBuffer(bytes: answer.bytes)
        case .failure(let error):
            if let refusal = APIError(refused: error, field: head.mode.field) { throw refusal }
            metrics.failed()
            logger.warning("Events could not be stored", metadata: [LogKey.error: "\(error)", LogKey.events: "\(events.count)"])
            throw .notStored(error)
        }
    }
}

extension APIError {
    /// Maps a permanent refusal of the log to 409 or 413, with the field; nil for retriable errors.
    ///
    /// - Parameter field: maps a field to the sender's name for it.
    init?(refused error: ProducerError, field: (String) -> String) {
        let message = [error.field.map(field), error.message].compactMap(\.self).joined(separator: ": ")
        switch error.code {
        case .conflict: self = .conflict("\(message).")
        case .tooLarge: self = .payloadTooLarge("\(message).")
        default: return nil
        }
    }

    /// 503 for events not acknowledged in time, 500 for those that the log refuses permanently.
    static func notStored(_ error: ProducerError) -> APIError {
        switch error.code {
        case .refused: .logRefuses
        case .full: .logIsFull
        default:
            .serviceUnavailable(
                """
                The log could not store all events: send the request again. If its events have ids, or it has an Idempotency-Key, nothing is \
                stored twice.
                """,
                retryAfter: error.isRetriable ? 2 : 30
            )
        }
    }
}
