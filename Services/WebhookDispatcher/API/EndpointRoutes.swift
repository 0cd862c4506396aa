import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import HTTPTypes
import Hummingbird
import Logging
import ServiceKit
import Webhooks

/// `/v1/webhooks`: registers, shows, changes, tests and replays a tenant's endpoints (contract §14).
///
/// An endpoint of another tenant is answered as an absent one. All but tests are changes of a record: the process that delivers to the endpoint follows
/// them.
struct EndpointRoutes: Sendable {
    private static let all: RouterPath = "/v1/webhooks"
    private static let one: RouterPath = "/v1/webhooks/:webhookId"
    private static let secret: RouterPath = "/v1/webhooks/:webhookId/secret"
    private static let test: RouterPath = "/v1/webhooks/:webhookId/test"
    private static let replay: RouterPath = "/v1/webhooks/:webhookId/replay"
    private static let enable: RouterPath = "/v1/webhooks/:webhookId/enable"
    private static let attempts: RouterPath = "/v1/webhooks/:webhookId/attempts"
    /// How long the look-up of a host that is registered may take.
    private static let lookUpTimeout: Duration = .seconds(5)
    /// How long a repetition of a registration gets the same answer.
    private static let repetitionWindow: Duration = .seconds(86_400)
    /// Answers with a secret are for their reader alone.
    private static let noStore: HTTPFields = [.cacheControl: "no-store"]

    let backend: WebhookBackend
    let now: @Sendable () -> Timestamp
    private let shares: PingShares

    init(backend: WebhookBackend, shares: PingShares, now: @escaping @Sendable () -> Timestamp) {
        self.backend = backend
        self.shares = shares
        self.now = now
    }

    /// Registers the routes on `routes`, which must require the role `admin`.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(Self.all) { request, context in try await self.create(request, context) }
        routes.get(Self.all) { request, context in try await self.list(request, context) }
        routes.get(Self.one) { _, context in try await self.show(context) }
        routes.patch(Self.one) { request, context in try await self.change(request, context) }
        routes.delete(Self.one) { _, context in try await self.delete(context) }
        routes.post(Self.secret) { request, context in try await self.rotate(request, context) }
        routes.post(Self.test) { request, context in try await self.test(request, context) }
        routes.post(Self.replay) { request, context in try await self.replay(request, context) }
        routes.post(Self.enable) { request, context in try await self.enable(request, context) }
        routes.get(Self.attempts) { _, context in try await self.attempts(context) }
    }

    // MARK: One and all

    private func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let key = try IdempotencyKey(request.headers).map { RequestKey(tenant: principal.tenant, user: principal.user, key: $0.text) }
        let registration = try EndpointRegistration(try await request.readObject(upTo: EndpointRegistration.maximumBodyBytes))
        let parts = try backend.parts()
        try await Self.check(registration.settings.url, of: principal.tenant, with: parts.sender)
        try shares.takePing(principal.tenant)
        let stored = try await Self.asking {
            // Events that are stored from now on.
            let bounds = try await parts.log.bounds()
            return try await parts.endpoints.register(
                registration.settings,
                of: principal.tenant,
                secret: .generate(),
                cursor: Cursor(time: now(), epoch: bounds.epoch, sequence: bounds.lastSequence),
                request: key,
                within: parts.timeout
            )
        }
        let endpoint = stored.endpoint
        // A rotation is a change: its secret is only in the answer to it.
        guard endpoint.settings == registration.settings, endpoint.secrets.former.isEmpty,
            now() < endpoint.createdAt.advanced(by: Self.repetitionWindow)
        else {
            throw APIError.conflict(
                "You used this Idempotency-Key for another endpoint, or \(endpoint.id) was changed since: use a new key for each request."
            )
        }
        log("webhook endpoint registered", endpoint, principal, context)
        var headers = Self.noStore
        headers[.location] = "/v1/webhooks/\(endpoint.id)"
        return try .json(EndpointView(endpoint, showsSecret: true), status: .created, headers: headers)
    }

    private func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let query = try QueryParameters(of: request)
        let limit = try query.pageLimit()
        let after = try query.value("cursor").map { text throws(APIError) in
            guard let id = EndpointID(text) else {
                throw .validation("cursor: must be the nextCursor of an earlier page; leave it out to begin again.")
            }
            return id
        }
        let parts = try backend.parts()
        let found = try await Self.asking { try await parts.endpoints.endpoints(of: principal.tenant) }.map(\.endpoint)
            .filter { endpoint in after.map { $0 < endpoint.id } ?? true }
        var list = ListBody()
        try list.append(found.prefix(limit).lazy.map { EndpointView($0) })
        return try list.response(nextCursor: list.count < found.count ? "\(found[list.count - 1].id)" : nil)
    }

    private func show(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        return try .json(EndpointView(try await endpoint(context, of: principal.tenant, try backend.parts())))
    }

    private func change(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let change = try EndpointChange(try await request.readObject(upTo: EndpointRegistration.maximumBodyBytes))
        let parts = try backend.parts()
        if let url = change.newURL(of: try await endpoint(context, of: principal.tenant, parts)) {
            try await Self.check(url, of: principal.tenant, with: parts.sender)
        }
        let time = now()
        let endpoint = try await update(context, of: principal.tenant, parts) { try change.apply(to: &$0, at: time) }
        log("webhook endpoint changed", endpoint, principal, context)
        return try .json(EndpointView(endpoint))
    }

    private func delete(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        guard let id = Self.id(context) else { throw Self.unknown }
        let parts = try backend.parts()
        guard try await Self.asking({ try await parts.endpoints.delete(id, of: principal.tenant, within: parts.timeout) }) else {
            throw Self.unknown
        }
        context.logger.info(
            "webhook endpoint deleted",
            metadata: [LogKey.tenant: "\(principal.tenant)", LogKey.user: "\(principal.user)", LogKey.webhookID: "\(id)"]
        )
        return Response(status: .noContent)
    }

    // MARK: Actions

    private func rotate(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try await request.readNothing()
        let parts = try backend.parts()
        let secret = SigningSecret.generate()
        let time = now()
        let endpoint = try await update(context, of: principal.tenant, parts) { $0.secrets.rotate(to: secret, at: time) }
        log("webhook secret rotated", endpoint, principal, context)
        return try .json(EndpointView(endpoint, showsSecret: true), headers: Self.noStore)
    }

    private func enable(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try await request.readNothing()
        let parts = try backend.parts()
        let time = now()
        let endpoint = try await update(context, of: principal.tenant, parts) { endpoint in
            var health = EndpointHealth(endpoint.state)
            health.enable(at: time)
            endpoint.state = health.state
        }
        log("webhook endpoint enabled", endpoint, principal, context)
        return try .json(EndpointView(endpoint))
    }

    private func replay(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let start = try ReplayStart(try await request.readObject(upTo: ReplayStart.maximumBodyBytes))
        let parts = try backend.parts()
        // The search for a place costs requests to the bus: not for an absent endpoint.
        _ = try await endpoint(context, of: principal.tenant, parts)
        let place = try await place(before: start, in: parts.log)
        let endpoint = try await update(context, of: principal.tenant, parts) { endpoint in
            // A cursor of another log is lost with a gap, behind which comes all that this log holds.
            guard place.epoch == endpoint.cursor.epoch else { return }
            // The process that delivers is up to a second ahead of the stored cursor, and adopts one that differs: so also a replay from a place
            // within this second changes it, by one event more.
            endpoint.cursor = min(place, endpoint.cursor.previous)
        }
        log("webhook events replayed", endpoint, principal, context)
        return try .json(EndpointView(endpoint))
    }

    /// Returns the place behind which the events of a replay lie.
    private func place(before start: ReplayStart, in log: EventLog) async throws -> Cursor {
        switch start {
        case .event(let event):
            let bounds = try await Self.asking { try await log.bounds() }
            guard event.epoch == bounds.epoch, event.sequence <= bounds.lastSequence else {
                throw APIError.validation("from: must be the id of an event that the log has reached, or send since.")
            }
            return event.previous
        case .time(let time):
            guard time <= now() else { throw APIError.validation("since: must not be in the future.") }
            return try await Self.asking { try await log.place(before: time) }
        }
    }

    private func test(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try await request.readNothing()
        let parts = try backend.parts()
        let endpoint = try await endpoint(context, of: principal.tenant, parts)
        try shares.takeTest(principal.tenant)
        let bounds = try await Self.asking { try await parts.log.bounds() }
        let start = now()
        let clock = ContinuousClock.now
        let subject: JSONObject = ["endpointId": .string("\(endpoint.id)")]
        let message = SignedMessage(
            id: Cursor(time: start, epoch: bounds.epoch, sequence: bounds.lastSequence),
            type: Self.ping,
            time: start,
            data: subject.bytes,
            traceparent: context.trace
        )
        let outcome = await parts.sender.send(
            message,
            to: endpoint.settings.url,
            of: endpoint.tenant,
            signedBy: endpoint.secrets,
            isTest: true
        )
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
            type: Self.ping,
            startedAt: start,
            duration: ContinuousClock.now - clock,
            result: result,
            nextAttemptAt: nil
        )
        parts.journal.record(attempt, of: endpoint.id, in: endpoint.tenant)
        log("webhook endpoint tested", endpoint, principal, context)
        return try .json(TestView(delivered: isDelivered, attempt: AttemptView(attempt)))
    }

    private func attempts(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let parts = try backend.parts()
        let endpoint = try await endpoint(context, of: principal.tenant, parts)
        let attempts = try await Self.asking { try await parts.journal.attempts(of: endpoint.id, in: endpoint.tenant) }
        return try .json(AttemptsView(attempts: attempts.map(AttemptView.init)))
    }

    // MARK: Parts

    private static let ping = EventType(generated: "webhook.ping")
    private static let unknown = APIError.notFound("There is no such webhook endpoint: check the id.")

    private static func id(_ context: APIRequestContext) -> EndpointID? {
        context.decodedPathParameter("webhookId").flatMap { EndpointID($0) }
    }

    /// Returns the endpoint of the path.
    ///
    /// - Throws: `not_found` for a malformed id, an absent endpoint and one of another tenant.
    private func endpoint(_ context: APIRequestContext, of tenant: Tenant, _ parts: WebhookParts) async throws -> Endpoint {
        guard let id = Self.id(context),
            let stored = try await Self.asking({ try await parts.endpoints.endpoint(id, of: tenant) })
        else { throw Self.unknown }
        return stored.endpoint
    }

    /// Changes the endpoint of the path; throws as ``endpoint(_:of:_:)``, and when the change makes a ping due beyond the tenant's share.
    private func update(
        _ context: APIRequestContext,
        of tenant: Tenant,
        _ parts: WebhookParts,
        _ change: @Sendable (inout Endpoint) throws -> Void
    ) async throws -> Endpoint {
        guard let id = Self.id(context),
            let stored = try await Self.asking({
                try await parts.endpoints.update(id, of: tenant, within: parts.timeout) { endpoint in
                    let before = endpoint.state
                    try change(&endpoint)
                    if case .pending = endpoint.state, endpoint.state != before { try shares.takePing(tenant) }
                }
            })
        else { throw Self.unknown }
        return stored.endpoint
    }

    /// Refuses a URL that cannot be sent to at this moment.
    ///
    /// An address says by itself what it is. Of a name nothing is told but whether it may be registered: which names a private network has, and what they
    /// mean there, is not for tenants.
    private static func check(_ url: WebhookURL, of tenant: Tenant, with sender: WebhookSender) async throws {
        guard let fault = await sender.fault(of: url, for: tenant, within: lookUpTimeout) else { return try Task.checkCancellation() }
        let remedy = "others can be used only if the operator has named their networks in \(AddressRules.settingName)."
        if case .address = url.host {
            throw APIError.validation("url: \(fault.phrase): use https and an address on the public Internet; \(remedy)")
        }
        throw APIError.validation(
            "url: the host's name must have addresses, all of them on the public Internet, and be called by https; \(remedy)"
        )
    }

    /// Converts the errors of the log and of the store.
    private static func asking<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as EventLogError {
            throw APIError(error)
        } catch let error as EndpointStore.LimitReached {
            throw APIError.conflict(error.message)
        }
    }

    private func log(_ what: Logger.Message, _ endpoint: Endpoint, _ principal: Principal, _ context: APIRequestContext) {
        context.logger.info(
            what,
            metadata: [
                LogKey.tenant: "\(endpoint.tenant)", LogKey.user: "\(principal.user)", LogKey.webhookID: "\(endpoint.id)",
                LogKey.webhookOrigin: "\(endpoint.settings.url.origin)",
            ]
        )
    }
}
