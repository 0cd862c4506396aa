import AccessControl
import Basics
import EventModel
import HTTPAPI
import Hummingbird
import Logging

/// `/v1/tokens/revocations`: takes tokens back before they expire (contract §13).
struct RevocationRoutes: Sendable {
    private static let path: RouterPath = "/v1/tokens/revocations"
    private static let roles: Set<Role> = [.admin, .issuer]

    let backend: ApprovalBackend
    let maximumTokenLife: Duration
    let now: @Sendable () -> Timestamp

    /// Registers the routes on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(Self.path) { request, context in try await self.revoke(request, context) }
        routes.get(Self.path) { request, context in try await self.list(request, context) }
    }

    private func revoke(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let caller = try context.requireRole(anyOf: Self.roles)
        try request.requireContentType(anyOf: ["application/json"], assuming: "application/json")
        let body = try await request.readBody(upTo: RevocationRequest.maximumBodyBytes)
        let time = now()
        let wanted = try RevocationRequest(Array(body.readableBytesView), now: time)
        let tenant = try Self.tenant(wanted.tenant, for: caller)
        let parts = try backend.parts()
        let revocation = Revocation(
            tenant: tenant,
            target: wanted.target,
            expiresAt: time.millisecondsSinceEpoch + maximumTokenLife.milliseconds
        )
        let stored = try await parts.revocations.store(revocation, logger: context.logger)
        context.logger.notice("tokens revoked", metadata: [LogKey.tenant: "\(tenant)", LogKey.user: "\(caller.user)"])
        return try .json(RevocationView(stored), status: .accepted)
    }

    private func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let caller = try context.requireRole(anyOf: Self.roles)
        let query = try QueryParameters(request.uri.query)
        let named = try query.value("tenant").map { text throws(ValidationError) in try Tenant(text, field: "tenant") }
        let tenant = try Self.tenant(named, for: caller)
        let limit = try query.pageLimit()
        let place = try query.value("cursor").map { text throws(APIError) in
            guard let place = RevocationPlace(cursor: text) else {
                throw .validation("cursor: must be the nextCursor of an earlier page.")
            }
            return place
        }
        // One more than the page has, to know whether another follows.
        let found = try await backend.parts().revocations
            .list(of: tenant, behind: place, limit: limit + 1, at: now().millisecondsSinceEpoch)
        var list = ListBody()
        try list.append(found.prefix(limit).map(RevocationView.init))
        return try list.response(nextCursor: list.count < found.count ? RevocationPlace(found[list.count - 1]).cursor : nil)
    }

    /// Returns the tenant whose tokens are concerned.
    ///
    /// - Throws: `forbidden` for another tenant than the caller's without the role `issuer`.
    private static func tenant(_ named: Tenant?, for caller: Principal) throws(APIError) -> Tenant {
        guard let named, named != caller.tenant else { return caller.tenant }
        guard caller.has(anyOf: [.issuer]) else {
            throw .forbidden("Only a token with the role issuer may name another tenant: leave tenant out for your own.")
        }
        return named
    }
}

/// The JSON of a revocation (contract §13).
struct RevocationView: Encodable, Sendable {
    let tenant: String
    let jti: String?
    let sub: String?
    let issuedBefore: String?
    let expiresAt: String

    init(_ revocation: Revocation) {
        tenant = revocation.tenant.text
        switch revocation.target {
        case .token(let id):
            (jti, sub, issuedBefore) = (id.text, nil, nil)
        case .user(let user, let time):
            (jti, sub, issuedBefore) = (nil, user.text, Timestamp(millisecondsSinceEpoch: time).iso8601)
        }
        expiresAt = Timestamp(millisecondsSinceEpoch: revocation.expiresAt).iso8601
    }
}
