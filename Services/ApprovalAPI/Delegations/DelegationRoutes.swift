import AccessControl
import Basics
import EventModel
import HTTPAPI
import Hummingbird
import Logging

/// `/v1/approvals/delegations`: lets another person vote in one's place (contract §12).
struct DelegationRoutes: Sendable {
    private static let all: RouterPath = "/v1/approvals/delegations"
    private static let one: RouterPath = "/v1/approvals/delegations/:delegationId"
    private static let maximumBodyBytes = 4096

    let backend: ApprovalBackend

    /// Registers the routes on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(Self.all) { request, context in try await self.give(request, context) }
        routes.get(Self.all) { request, context in try await self.list(context) }
        routes.delete(Self.one) { request, context in try await self.revoke(context) }
    }

    private func give(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try request.requireContentType(anyOf: ["application/json"], assuming: "application/json")
        let body = try await request.readBody(upTo: Self.maximumBodyBytes)
        let (receiver, until) = try Self.parse(Array(body.readableBytesView))
        let delegation = try await backend.parts().delegations.give(
            to: receiver,
            until: until,
            by: Viewer(principal),
            roles: principal.roleNames.sorted()
        )
        context.logger.info(
            "delegation given",
            metadata: [
                LogKey.tenant: "\(delegation.tenant)", LogKey.user: "\(delegation.giver)", LogKey.delegationID: "\(delegation.id)",
                LogKey.onBehalfOf: "\(delegation.giver)", LogKey.until: "\(delegation.until.iso8601)",
            ]
        )
        return try .json(DelegationView(delegation), status: .created)
    }

    private func list(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        var list = ListBody()
        try list.append(try await backend.parts().delegations.list(with: Viewer(principal)).lazy.map(DelegationView.init))
        return try list.response(nextCursor: nil)
    }

    private func revoke(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        guard let id = context.decodedPathParameter("delegationId") else {
            throw APIError.validation("delegationId: must be percent-encoded UTF-8, with two hexadecimal digits after every %.")
        }
        try await backend.parts().delegations.revoke(id, by: Viewer(principal))
        context.logger.info(
            "delegation revoked",
            metadata: [LogKey.tenant: "\(principal.tenant)", LogKey.user: "\(principal.user)", LogKey.delegationID: "\(id)"]
        )
        return Response(status: .noContent)
    }

    private static func parse(_ body: [UInt8]) throws(ValidationError) -> (UserID, Timestamp) {
        let payload = try Payload(validating: body, field: "body", allowsStreamMembers: true)
        guard let to = try payload.text("to") else {
            throw ValidationError(field: "to", message: "is missing; it names the person who votes")
        }
        guard let until = try payload.text("until").flatMap({ Timestamp(rfc3339: $0) }) else {
            throw ValidationError(field: "until", message: "must be a time with an offset as RFC 3339 has it, like 2024-04-01T14:32:10Z")
        }
        return (try UserID(to, field: "to"), until)
    }
}

/// The JSON of a delegation (contract §12).
struct DelegationView: Encodable, Sendable {
    let delegationId: String
    let from: String
    let to: String
    let until: String
    let createdAt: String

    init(_ delegation: Delegation) {
        delegationId = delegation.id
        from = delegation.giver.text
        to = delegation.receiver.text
        until = delegation.until.iso8601
        createdAt = delegation.createdAt.iso8601
    }
}
