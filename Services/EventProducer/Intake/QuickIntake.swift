import AccessControl
import Basics
import CausewayProducer
import EventModel
import HTTPAPI
import HTTPFront
import HTTPTypes
import Logging
import NIOCore

/// Answers requests with one event on the event loop that read them: what ``EventIntakeRoute`` and the middleware around it do, without a task.
///
/// Takes only what needs nothing but the log's acknowledgement: a request in the native mode without fields that it does not know, with a token that
/// the router has accepted before, and one valid event within the shares of its tenant. Everything else, errors in a request included, is left to the router; what the log refuses is
/// answered here.
struct QuickIntake: QuickResponder {
    /// Fields that a request may have. A field that another rule concerns is missing here, such as `Origin`, `Expect` and `Idempotency-Key`.
    private static let fields: Set<String> = [
        "accept", "accept-encoding", "accept-language", "authorization", "content-length", "content-type", "forwarded", "traceparent",
        "tracestate", "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "x-request-id",
    ]

    private let authenticator: Authenticator
    private let sink: any EventSink
    private let gate: IntakeGate
    private let origins: OriginPolicy
    private let counts: RequestCounts
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - sink, gate, now: as for ``EventIntakeRoute``.
    ///   - counts: counts the requests.
    ///   - logger: of the process.
    init(
        authenticator: Authenticator,
        sink: any EventSink,
        gate: IntakeGate,
        origins: OriginPolicy,
        counts: RequestCounts = .ofProcess,
        logger: Logger,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.authenticator = authenticator
        self.sink = sink
        self.gate = gate
        self.origins = origins
        self.counts = counts
        self.logger = logger
        self.now = now
    }

    func mayAnswer(_ request: HTTPRequest) -> Bool {
        guard request.method == .post, request.path == EventIntakeRoute.path else { return false }
        return request.headerFields.allSatisfy { field in
            let name = field.name.canonicalName
            return Self.fields.contains(name) || name == "connection" && field.value == "keep-alive"
        }
    }

    func answer(_ request: HTTPRequest, _ body: ByteBuffer, completion: @escaping @Sendable (QuickResponse) -> Void) -> Bool {
        guard let taken = take(request, body) else { return false }
        gate.metrics.answeredAtOnce()
        let sent = ContinuousClock.now
        taken.publish.send(timeout: gate.limits.timeout) { result in
            completion(response(to: taken, result.map { [$0] }, after: sent.duration(to: .now)))
        }
        return true
    }

    /// An admitted request. A class, because it is passed on several times.
    private final class Taken: Sendable {
        let request: HTTPRequest
        let identity: RequestIdentity
        let principal: Principal
        let head: EventRequest
        let event: Event
        let publish: PreparedPublish
        /// Bytes of the body, for which memory is reserved.
        let bytes: Int
        let start: ContinuousClock.Instant

        init(
            _ request: HTTPRequest,
            _ identity: RequestIdentity,
            from principal: Principal,
            _ head: EventRequest,
            _ event: Event,
            _ publish: PreparedPublish,
            bytes: Int,
            since start: ContinuousClock.Instant
        ) {
            self.request = request
            self.identity = identity
            self.principal = principal
            self.head = head
            self.event = event
            self.publish = publish
            self.bytes = bytes
            self.start = start
        }
    }

    /// Admits a request; nil, and without effect, if the router must answer it.
    private func take(_ request: HTTPRequest, _ body: ByteBuffer) -> Taken? {
        let start = ContinuousClock.now
        let bytes = body.readableBytes
        // An array of events is not worth the parsing twice.
        guard bytes <= min(gate.limits.bodyBytes, IntakeGate.briefBytes), body.readableBytesView.first == UInt8(ascii: "{") else {
            return nil
        }
        let fields = request.headerFields
        let identity = RequestIdentity(of: fields)
        // The path has no query, and so no other credential.
        guard let token = try? Credential.bearer(authorization: fields[values: .authorization]),
            let principal = authenticator.authenticateAtOnce(token, mustBeKnown: true),
            let head = try? EventRequest(fields, from: principal, trace: identity.trace), head.mode == .native
        else { return nil }
        // As in ``IntakeGate``: a sender whose share is used up costs no parsing.
        guard head.publisher.mayNameTenants || (try? gate.shares.checkIsLeft(for: head.publisher.home)) != nil else { return nil }
        let now = now()
        guard let events = try? head.events(in: body, now: now), events.count == 1, let event = events.first,
            let publish = sink.prepareChecked(event, intake: now),
            (try? gate.budget.reserve(bytes, for: head.publisher.home)) != nil
        else { return nil }
        guard (try? gate.shares.take(events)) != nil else {
            gate.budget.release(bytes, for: head.publisher.home)
            return nil
        }
        return Taken(request, identity, from: principal, head, event, publish, bytes: bytes, since: start)
    }

    private func response(to taken: Taken, _ result: Result<[PublishedEvent], ProducerError>, after duration: Duration) -> QuickResponse {
        let isLogged = logger.logLevel <= .info || (try? result.get()) == nil
        let logger = isLogged ? logger.ofRequest(taken.identity, from: taken.principal) : logger
        var fields = origins.responseFields(to: taken.request)
        fields[.requestID] = taken.identity.requestID
        fields[.contentType] = "application/json"
        var response = QuickResponse(status: .accepted, fields: fields, body: ByteBuffer())
        do throws(APIError) {
            response.body = try gate.answer(to: [taken.event], of: taken.head, result, after: duration, logger)
        } catch {
            gate.charge(error, bytes: taken.bytes, to: taken.head.publisher)
            gate.metrics.refused(error)
            response.status = error.status
            for field in error.headers { response.fields[field.name] = field.value }
            response.body = (try? error.body()) ?? ByteBuffer()
        }
        gate.budget.release(taken.bytes, for: taken.head.publisher.home)
        AccessLog.record(
            taken.request,
            route: EventIntakeRoute.path,
            status: response.status.code,
            principal: taken.principal,
            duration: taken.start.duration(to: .now),
            in: counts,
            to: logger
        )
        return response
    }
}
