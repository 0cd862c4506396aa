import AccessControl
import Basics
import FoundationEssentials

/// The stored form of an issued ticket: the rights and the identity of its token, without the token and without the ticket.
struct TicketRecord: Sendable, Equatable {
    /// Of the token.
    let principal: Principal
    /// From when on the ticket is refused, in milliseconds since 1970 UTC.
    let expiresAt: Int64

    private struct Body: Codable {
        var tenant: String
        var user: String
        var roles: [String]
        /// ``Principal/expiresAt``.
        var tokenExpiresAt: Int64
        var tokenID: String?
        /// ``Principal/issuedAt``.
        var tokenIssuedAt: Int64?
        var email: String?
        var scope: String?
        var expiresAt: Int64
    }

    init(_ principal: Principal, expiresAt: Int64) {
        self.principal = principal
        self.expiresAt = expiresAt
    }

    /// Decodes a message's body; nil when it is malformed.
    init?(_ bytes: [UInt8]) {
        guard (try? JSONDocument.check(bytes)) != nil, let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)),
            let user = try? UserID(body.user), let tenant = try? Tenant(body.tenant)
        else { return nil }
        var tokenID: TokenID?
        if let text = body.tokenID {
            // Without it the ticket would outlive a revocation of its token.
            guard let id = try? TokenID(text) else { return nil }
            tokenID = id
        }
        principal = Principal(
            user: user,
            tenant: tenant,
            roles: Set(body.roles.compactMap(Role.init)),
            otherRoles: body.roles.filter { Role(rawValue: $0) == nil },
            expiresAt: body.tokenExpiresAt,
            tokenID: tokenID,
            issuedAt: body.tokenIssuedAt,
            email: body.email,
            scope: body.scope
        )
        expiresAt = body.expiresAt
    }

    /// Encodes a message's body.
    func encoded() throws -> [UInt8] {
        let body = Body(
            tenant: principal.tenant.text,
            user: principal.user.text,
            roles: principal.roles.map(\.rawValue).sorted() + principal.otherRoles,
            tokenExpiresAt: principal.expiresAt,
            tokenID: principal.tokenID?.text,
            tokenIssuedAt: principal.issuedAt,
            email: principal.email,
            scope: principal.scope,
            expiresAt: expiresAt
        )
        return [UInt8](try JSONEncoder().encode(body))
    }
}
