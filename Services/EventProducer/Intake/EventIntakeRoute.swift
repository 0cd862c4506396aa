import AccessControl
import Basics
import CausewayProducer
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import Logging
import NIOCore
import ServiceKit
import Tracing

/// `POST /v1/events` (contract §10): stores events, and responds when all are durable.
///
/// An invalid event refuses the whole request, and nothing is stored. After a failure of the log some events may be stored; a retry stores
/// the rest, if the events have ids or the request has an `Idempotency-Key`. Without either, each attempt gives the events new random ids.
struct EventIntakeRoute: Sendable {
    /// The route's path.
    static let path: RouterPath = "/v1/events"

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
        routes.post(Self.path) { request, context in try await self.respond(to: request, context) }
    }

    private func respond(to request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let publisher = try Publisher(principal)
        let form = try ContentMode(of: request)
        let key = try IdempotencyKey(request.headers).map { RequestKey(tenant: principal.tenant, user: principal.user, key: $0.text) }
        return try await gate.admit(request, from: publisher) { body in
            let drafts: [EventDraft]
            do throws(ValidationError) {
                drafts = try form.drafts(Array(body.readableBytesView), request.headers)
            } catch {
                throw APIError(error)
            }
            var generator = SharedRandomNumberGenerator()
            let now = now()
            let events = try publisher.events(drafts, key: key, names: form, trace: context.trace, now: now, using: &generator)
            try gate.shares.take(events)
            return (events: events, intake: now)
        } storing: { taken in
            try await store(taken.events, under: key, form, intake: taken.intake, context)
        }
    }

    private func store(
        _ events: [Event],
        under key: RequestKey?,
        _ form: ContentMode,
        intake: Timestamp,
        _ context: APIRequestContext
    ) async throws(APIError) -> Response {
        let start = ContinuousClock.now
        let span = AppendSpan(of: context.trace)
        let events = span.adopt(events)
        do throws(ProducerError) {
            let stored = try await sink.publishChecked(contentsOf: events, under: key, intake: intake, timeout: gate.limits.timeout)
            span.end(stored)
            gate.metrics.acknowledged(stored, after: start.duration(to: .now))
            StoredEvents.log(events, stored, to: context.logger)
            let answer: JSONObject = ["accepted": .integer(stored.count), "ids": .strings(stored.map(\.cursor.text))]
            return .json(encoded: ByteBuffer(bytes: answer.bytes), status: .accepted)
        } catch {
            span.end(failed: error)
            if let refusal = APIError(refused: error, field: form.field) { throw refusal }
            gate.metrics.failed()
            context.logger.warning("Events could not be stored", metadata: [LogKey.error: "\(error)", LogKey.events: "\(events.count)"])
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
