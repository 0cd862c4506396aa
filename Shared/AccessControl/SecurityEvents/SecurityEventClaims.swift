import Basics

/// The parsed claims of a Security Event Token with a valid signature (RFC 8417 §2.2); ``SecurityEventRules`` validates them.
struct SecurityEventClaims {
    /// The event type of OpenID CAEP 1.0 §3.1.
    static let sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

    /// A session of the subject was revoked.
    struct SessionRevoked {
        /// The time of the event: seconds since 1970 UTC, or milliseconds as in drafts of CAEP.
        var timestamp: Double?
        /// Every subject that the token names for it: `sub_id`, and `subject` in the event, as drafts of CAEP have it.
        var subjects: [SubjectIdentifier]
    }

    var issuer: String?
    var audiences: [String] = []
    /// Seconds since 1970 UTC.
    var issuedAt: Double?
    var tokenID: String?
    /// Whether it has an `exp`, which an access token must have and a Security Event Token must not.
    var hasExpiry = false
    /// See ``TokenClaims/tenant``.
    var tenant: String?
    /// Number of events of all types.
    var eventCount = 0
    var sessionRevoked: SessionRevoked?

    /// Parses the claims. Of unknown events it reads nothing but their number.
    ///
    /// - Throws: `invalidRequest` when it is not a JSON object, has a duplicate member at any depth, or a member that is read has the wrong
    ///   type.
    init(json: [UInt8], names: ClaimNames) throws(SecurityEventError) {
        do {
            self = try Self(JSONMembers(json), names)
        } catch let error as JSONSyntaxError {
            throw SecurityEventError(.invalidRequest, "The token's claims are not valid JSON: \(error.problem) at byte \(error.offset).")
        } catch {
            throw SecurityEventError(
                .invalidRequest,
                "The token's claims must be a JSON object with the texts \"iss\" and \"jti\", the number \"iat\" and the object \"events\"; a session-revoked "
                    + "event is an object with an optional number \"event_timestamp\", and its subject an identifier as RFC 9493 has it."
            )
        }
    }
}

extension SecurityEventClaims {
    private init(_ claims: JSONMembers, _ names: ClaimNames) throws(JSONMembers.TypeMismatch) {
        issuer = try claims.string("iss")
        audiences = claims.audiences
        issuedAt = try claims.number("iat")
        tokenID = try claims.string("jti")
        hasExpiry = claims.contains("exp")
        tenant = names.tenant(in: claims)
        guard claims.contains("events") else { return }
        guard let events = try claims.object("events") else { throw JSONMembers.TypeMismatch() }
        eventCount = events.count
        guard events.contains(Self.sessionRevoked) else { return }
        guard let event = try events.object(Self.sessionRevoked) else { throw JSONMembers.TypeMismatch() }
        sessionRevoked = SessionRevoked(
            timestamp: try event.number("event_timestamp"),
            subjects: [try SubjectIdentifier(of: claims, "sub_id"), try SubjectIdentifier(of: event, "subject")].compactMap(\.self)
        )
    }
}
