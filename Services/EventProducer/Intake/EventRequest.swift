import AccessControl
import Basics
import CausewayProducer
import EventLog
import EventModel
import HTTPAPI
import HTTPTypes
import NIOCore

/// What the head of a request to ``EventIntakeRoute`` says about the events in its body.
struct EventRequest {
    let publisher: Publisher
    let mode: ContentMode
    /// Makes the request idempotent; nil without `Idempotency-Key`.
    let key: RequestKey?
    private let trace: TraceParent?
    private let headers: HTTPFields

    /// - Parameters:
    ///   - headers: of the request.
    ///   - principal: the sender.
    ///   - trace: the request's trace, for events without one.
    /// - Throws: `forbidden`, `unsupported_media_type`, or a ``ValidationError``.
    init(_ headers: HTTPFields, from principal: Principal, trace: TraceParent?) throws {
        publisher = try Publisher(principal)
        mode = try ContentMode(of: headers)
        key = try IdempotencyKey(headers).map { RequestKey(tenant: principal.tenant, user: principal.user, key: $0.text) }
        self.trace = trace
        self.headers = headers
    }

    /// Parses the events of the body, and completes them.
    ///
    /// - Parameter now: the time of events without one.
    /// - Throws: the first error of an event, with its index and field.
    func events(in body: ByteBuffer, now: Timestamp) throws(APIError) -> [Event] {
        let drafts: [EventDraft]
        do throws(ValidationError) {
            drafts = try mode.drafts(Array(body.readableBytesView), headers)
        } catch {
            throw APIError(error)
        }
        var generator = SharedRandomNumberGenerator()
        return try publisher.events(drafts, key: key, names: mode, trace: trace, now: now, using: &generator)
    }
}
