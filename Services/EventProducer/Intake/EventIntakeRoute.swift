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

/// `POST /v1/events` (contract §10): takes events in and answers when the log has stored all of them.
///
/// All or nothing as far as what is wrong with a request goes: the first fault refuses it, and nothing is stored. When the log fails in the middle,
/// some may be stored; a client that sends the request again stores the others, if its events have ids or the request an
/// `Idempotency-Key`. Events that have neither get ids here, which the repetition cannot have.
struct EventIntakeRoute: Sendable {
    /// The path it answers on.
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

    /// Registers the route; authentication stands before it.
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
            var generator = SystemRandomNumberGenerator()
            let now = now()
            let events = try publisher.events(drafts, key: key, names: form, trace: context.trace, now: now, using: &generator)
            try gate.shares.take(events)
            return try await store(events, under: key, form, intake: now, context)
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
        do throws(ProducerError) {
            let stored = try await sink.publish(contentsOf: events, under: key, intake: intake, timeout: gate.limits.timeout)
            gate.metrics.acknowledged(stored, after: start.duration(to: .now))
            StoredEvents.log(events, stored, to: context.logger)
            let answer: JSONObject = ["accepted": .integer(stored.count), "ids": .strings(stored.map(\.cursor.text))]
            return .json(encoded: ByteBuffer(bytes: answer.bytes), status: .accepted)
        } catch {
            if let refusal = APIError(refused: error, field: form.field) { throw refusal }
            gate.metrics.failed()
            context.logger.warning("Events could not be stored", metadata: ["error": "\(error)", "events": "\(events.count)"])
            throw .notStored(error)
        }
    }
}

extension APIError {
    /// What the log refuses for what it is: 409 or 413, naming the field; nil for what may succeed later.
    ///
    /// - Parameter field: what the sender calls a part of an event.
    init?(refused error: ProducerError, field: (String) -> String) {
        let message = [error.field.map(field), error.message].compactMap(\.self).joined(separator: ": ")
        switch error.code {
        case .conflict: self = .conflict("\(message).")
        case .tooLarge: self = .payloadTooLarge("\(message).")
        default: return nil
        }
    }

    /// 503 for events that the log did not acknowledge in time, 500 for those that it refuses whenever they come.
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
