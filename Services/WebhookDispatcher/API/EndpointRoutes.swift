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
/// An endpoint of another tenant is answered as an absent one. All but tests and events that are sent again are changes of a record: the process that
/// delivers to the endpoint follows them.
struct EndpointRoutes: Sendable {
    private static let all: RouterPath = "/v1/webhooks"
    private static let one: RouterPath = "/v1/webhooks/:webhookId"
    private static let secret: RouterPath = "/v1/webhooks/:webhookId/secret"
    private static let test: RouterPath = "/v1/webhooks/:webhookId/test"
    private static let replay: RouterPath = "/v1/webhooks/:webhookId/replay"
    private static let resend: RouterPath = "/v1/webhooks/:webhookId/resend"
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
    let shares: EndpointShares

    init(backend: WebhookBackend, shares: EndpointShares, now: @escaping @Sendable () -> Timestamp) {
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
        routes.get(Self.replay) { request, context in try await self.previewReplay(request, context) }
        routes.post(Self.replay) { request, context in try await self.replay(request, context) }
        routes.post(Self.resend) { request, context in try await self.resend(request, context) }
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
            try await parts.endpoints.register(
                registration.settings,
                of: principal.tenant,
                secret: .generate(),
                // Events that are stored from now on.
                cursor: parts.log.lastCursor(),
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

    private func attempts(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let parts = try backend.parts()
        let endpoint = try await endpoint(context, of: principal.tenant, parts)
        let attempts = try await Self.asking { try await parts.journal.attempts(of: endpoint.id, in: endpoint.tenant) }
        return try .json(AttemptsView(attempts: attempts.map(AttemptView.init)))
    }

    // MARK: Parts

    private static let unknown = APIError.notFound("There is no such webhook endpoint: check the id.")

    private static func id(_ context: APIRequestContext) -> EndpointID? {
        context.decodedPathParameter("webhookId").flatMap { EndpointID($0) }
    }

    /// Returns the endpoint of the path.
    ///
    /// - Throws: `not_found` for a malformed id, an absent endpoint and one of another tenant.
    func endpoint(_ context: APIRequestContext, of tenant: Tenant, _ parts: WebhookParts) async throws -> Endpoint {
        guard let id = Self.id(context),
            let stored = try await Self.asking({ try await parts.endpoints.endpoint(id, of: tenant) })
        else { throw Self.unknown }
        return stored.endpoint
    }

    /// Changes the endpoint of the path; throws as ``endpoint(_:of:_:)``, and when the change makes a ping due beyond the tenant's share.
    func update(
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
    static func asking<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as EventLogError {
            throw APIError(error)
        } catch let error as EndpointStore.LimitReached {
            throw APIError.conflict(error.message)
        }
    }

    func log(_ what: Logger.Message, _ endpoint: Endpoint, _ principal: Principal, _ context: APIRequestContext) {
        context.logger.info(
            what,
            metadata: [
                LogKey.tenant: "\(endpoint.tenant)", LogKey.user: "\(principal.user)", LogKey.webhookID: "\(endpoint.id)",
                LogKey.webhookOrigin: "\(endpoint.settings.url.origin)",
            ]
        )
    }
}
