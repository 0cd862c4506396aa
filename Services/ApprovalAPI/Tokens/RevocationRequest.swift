import AccessControl
import Basics
import EventModel
import HTTPAPI

/// The body of a request to revoke tokens (contract §13).
struct RevocationRequest: Sendable, Equatable {
    /// Maximum size of the body in bytes: all identifiers of maximum length with every character escaped.
    static let maximumBodyBytes = 8 * 1024
    private static let members: Set<String> = ["jti", "sub", "issuedBefore", "tenant"]

    var target: Revocation.Target
    /// The tenant of the tokens; nil for the caller's.
    var tenant: Tenant?

    /// Parses a body.
    ///
    /// - Parameter now: The current time: tokens that are issued later cannot be revoked in advance.
    /// - Throws: a ``ValidationError`` that names the member.
    init(_ body: [UInt8], now: Timestamp) throws(ValidationError) {
        let payload = try Payload(validating: body, field: "body", allowsStreamMembers: true)
        try payload.checkMembers(Self.members, of: "a revocation", advice: "send jti, or sub and issuedBefore")
        tenant = try Self.text(of: "tenant", in: payload).map { text throws(ValidationError) in try Tenant(text, field: "tenant") }
        let issuedBefore = try Self.text(of: "issuedBefore", in: payload)
        switch (try Self.text(of: "jti", in: payload), try Self.text(of: "sub", in: payload)) {
        case (let id?, nil):
            guard issuedBefore == nil else {
                throw ValidationError(field: "issuedBefore", message: "belongs to sub: leave it out with jti")
            }
            target = .token(try TokenID(id, field: "jti"))
        case (nil, let user?):
            guard let time = issuedBefore.flatMap({ Timestamp(rfc3339: $0) }) else {
                throw ValidationError(
                    field: "issuedBefore",
                    message: "must be a time with an offset as RFC 3339 has it, like 2024-04-01T14:32:10Z"
                )
            }
            guard time <= now else { throw ValidationError(field: "issuedBefore", message: "must not be in the future") }
            target = .user(try UserID(user, field: "sub"), issuedBefore: time.millisecondsSinceEpoch)
        case (nil, nil): throw ValidationError(field: "jti", message: "is missing: send jti, or sub and issuedBefore")
        case (_?, _?): throw ValidationError(field: "sub", message: "must not stand beside jti: send one of them")
        }
    }

    /// The text of an optional member; nil when absent. Null is no text: a caller that sends it may mean a token, and would revoke all of a user's.
    private static func text(of name: String, in payload: Payload) throws(ValidationError) -> String? {
        guard payload.kind(of: name) != nil else { return nil }
        guard let text = payload.string(name) else { throw ValidationError(field: name, message: "must be a string") }
        return text
    }
}
