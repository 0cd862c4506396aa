import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import Logging
import ServiceKit
import Webhooks

/// Tests, and events that are sent again: all from a place on, or one.
extension EndpointRoutes {
    /// Bytes of events that are read to count what a replay sends.
    private static let countedBytes = 1 << 20
    /// How often the cursor may move while it is being set back.
    private static let replayAttempts = 10
    private static let ping = EventType(generated: "webhook.ping")

    // MARK: Replays

    func replay(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let start = try ReplayStart(try await request.readObject(upTo: ReplayStart.maximumBodyBytes))
        let parts = try backend.parts()
        // The search for a place costs requests to the bus: not for an absent endpoint.
        var known = try await endpoint(context, of: principal.tenant, parts)
        try shares.takeReplay(principal.tenant)
        let place = try await place(before: start, for: principal.tenant, in: parts.log)
        for _ in 0..<Self.replayAttempts {
            let (isLost, cursor, time) = (try await isLost(known, parts.log), known.cursor, now())
            do {
                let endpoint = try await update(context, of: principal.tenant, parts) { endpoint in
                    guard endpoint.cursor.isIdentical(to: cursor) else { throw CursorMoved() }
                    if !isLost { endpoint.setBack(behind: place, at: time) }
                }
                log("webhook events replayed", endpoint, principal, context)
                return try .json(EndpointView(endpoint))
            } catch is CursorMoved {
                known = try await endpoint(context, of: principal.tenant, parts)
            }
        }
        throw APIError.serviceUnavailable("The endpoint takes events too quickly to be set back: try again.", retryAfter: 1)
    }

    /// The cursor is not the one that was compared with the log.
    private struct CursorMoved: Error {}

    /// Counts what a replay sends, and changes nothing. One piece of the log is read.
    func previewReplay(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let query = try QueryParameters(of: request)
        let start = try ReplayStart(from: query.value("from"), since: query.value("since"))
        let parts = try backend.parts()
        let endpoint = try await endpoint(context, of: principal.tenant, parts)
        try shares.takeReplay(principal.tenant)
        let place = try await place(before: start, for: principal.tenant, in: parts.log)
        let end = endpoint.cursor
        let isLost = try await isLost(endpoint, parts.log)
        guard !isLost, let beginning = endpoint.replayStart(behind: place), beginning < end else {
            return try .json(ReplayPreview(from: end.text, to: end.text, events: 0, more: false))
        }
        let read = try await Self.asking {
            let source = LogSource.events(of: principal.tenant)
            return try await parts.log.read(source, after: beginning.sequence, through: end.sequence, maxBytes: Self.countedBytes)
        }
        let selection = endpoint.selection
        let count = read.entries.count { selection.includes($0.event) }
        return try .json(ReplayPreview(from: beginning.text, to: end.text, events: count, more: read.position < end.sequence))
    }

    /// Whether an endpoint's cursor is of a log that was restored since. It is not set back: behind the gap comes all that it has not taken, and a place in the
    /// present log may be ahead of that.
    ///
    /// - Throws: `service_unavailable` while a replicated log ends before the cursor: perhaps a server lags.
    private func isLost(_ endpoint: Endpoint, _ log: EventLog) async throws -> Bool {
        let (cursor, tenant) = (endpoint.cursor, endpoint.tenant)
        let bounds = try await Self.asking { try await log.bounds() }
        guard !log.isReplicated || cursor.epoch != bounds.epoch || cursor.sequence <= bounds.lastSequence else {
            throw APIError.serviceUnavailable("The log has not reached the endpoint's cursor: try again in a moment.", retryAfter: 2)
        }
        return try await Self.asking { try await !log.holds(cursor, of: tenant, in: bounds) }
    }

    /// Returns the place behind which the events of a replay lie.
    private func place(before start: ReplayStart, for tenant: Tenant, in log: EventLog) async throws -> Cursor {
        switch start {
        case .event(let event):
            return try await Self.asking {
                let bounds = try await log.bounds()
                guard try await log.recognise(event, tenant: tenant, in: bounds) != .different else {
                    throw APIError.validation("from: must be the id of an event that the log has reached, or send since.")
                }
                return try await log.cursor(at: event.previous.sequence, epoch: bounds.epoch)
            }
        case .time(let time):
            guard time <= now() else { throw APIError.validation("since: must not be in the future.") }
            return try await Self.asking { try await log.place(before: time) }
        }
    }

    // MARK: Attempts at once

    func test(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try await request.readNothing()
        let parts = try backend.parts()
        let endpoint = try await endpoint(context, of: principal.tenant, parts)
        try shares.takeTest(principal.tenant)
        let bounds = try await Self.asking { try await parts.log.bounds() }
        let time = now()
        let subject: JSONObject = ["endpointId": .string("\(endpoint.id)")]
        let message = SignedMessage(
            id: Cursor(time: time, epoch: bounds.epoch, sequence: bounds.lastSequence),
            type: Self.ping,
            time: time,
            data: subject.bytes,
            traceparent: context.trace
        )
        let result = try await attempt(message, type: Self.ping, to: endpoint, parts)
        log("webhook endpoint tested", endpoint, principal, context)
        return try .json(result)
    }

    /// Sends one event again, beside what the endpoint gets. Neither state nor cursor changes.
    func resend(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let id = try EventReference(try await request.readObject(upTo: EventReference.maximumBodyBytes)).id
        let parts = try backend.parts()
        let endpoint = try await endpoint(context, of: principal.tenant, parts)
        try Self.checkTakes(endpoint, again: id)
        try shares.takeTest(principal.tenant)
        let entry = try await entry(at: id, for: endpoint, in: parts.log)
        let message = OutgoingMessage(entry, epoch: id.epoch)
        let span = AttemptSpan(of: message, to: endpoint)
        let result = try await attempt(span.message, type: message.type, to: endpoint, parts, ended: span.end)
        log("webhook event sent again", endpoint, principal, context)
        return try .json(result)
    }

    /// Refuses an event whose time has not come. Whether there is one at the place is not asked.
    private static func checkTakes(_ endpoint: Endpoint, again id: Cursor) throws(APIError) {
        switch endpoint.state {
        case .pending, .disabled:
            throw .conflict("The endpoint gets no events at the moment: enable it, and send the event again when it is enabled.")
        case .enabled, .failing: break
        }
        guard endpoint.settings.isOrdered, id.epoch == endpoint.cursor.epoch, id > endpoint.cursor else { return }
        throw .conflict(
            "The endpoint is ordered and has not come to this event, which it gets in its turn. If it is failing, enable it: then it is tried at once."
        )
    }

    /// Returns what the log holds at an event's id.
    ///
    /// - Throws: `not_found` for an id without an event, and for every event that the endpoint does not get: of another tenant, for another user, of
    ///   another type. `gone` for what the log's retention has removed.
    private func entry(at id: Cursor, for endpoint: Endpoint, in log: EventLog) async throws -> LogEntry {
        switch try await Self.asking({ try await log.event(at: id) }) {
        case .found(let entry) where endpoint.selection.includes(entry.event): return entry
        case .found, .unknown:
            throw APIError.notFound(
                "The endpoint gets no event with this id: check the id, and whether the endpoint's types and user include the event."
            )
        case .removed: throw APIError.gone()
        }
    }

    /// Makes an attempt, waits for its end, and records it.
    ///
    /// - Parameter ended: called with the outcome.
    /// - Throws: `rate_limited` when the sender has no place for it.
    private func attempt(
        _ message: SignedMessage,
        type: EventType,
        to endpoint: Endpoint,
        _ parts: WebhookParts,
        ended: (AttemptOutcome) -> Void = { _ in }
    ) async throws -> AttemptResultView {
        let (start, clock) = (now(), ContinuousClock.now)
        let outcome = await parts.sender.send(
            message,
            to: endpoint.settings.url,
            of: endpoint.tenant,
            signedBy: endpoint.secrets,
            isTest: true
        )
        ended(outcome)
        let result: Attempt.Result
        var isDelivered = false
        switch outcome {
        case .answered(let answer):
            result = .answered(status: answer.status, excerpt: answer.excerpt)
            isDelivered = answer.isSuccess
        case .failed(let failure): result = .failed(failure)
        case .postponed:
            try Task.checkCancellation()
            throw APIError.rateLimited(
                "As many tests or deliveries of your tenant, or to the host, are under way as may be: send it again.",
                retryAfter: 1
            )
        }
        let attempt = Attempt(
            messageID: message.id,
            type: type,
            startedAt: start,
            duration: ContinuousClock.now - clock,
            result: result,
            nextAttemptAt: nil
        )
        parts.journal.record(attempt, of: endpoint.id, in: endpoint.tenant)
        return AttemptResultView(delivered: isDelivered, attempt: AttemptView(attempt))
    }
}
