import Basics
import FoundationEssentials

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
            try JSONDocument.check(json)
            self = try JSONDecoder().decode(Self.self, from: Data(json), configuration: names)
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

extension SecurityEventClaims: DecodableWithConfiguration {
    init(from decoder: any Decoder, configuration names: ClaimNames) throws {
        let claims = try decoder.container(keyedBy: ClaimName.self)
        issuer = try claims.decodeIfPresent(String.self, forKey: ClaimName("iss"))
        audiences = claims.audiences
        issuedAt = try claims.decodeIfPresent(Double.self, forKey: ClaimName("iat"))
        tokenID = try claims.decodeIfPresent(String.self, forKey: ClaimName("jti"))
        hasExpiry = claims.contains(ClaimName("exp"))
        tenant = names.tenant(in: claims)
        guard claims.contains(ClaimName("events")) else { return }
        let events = try claims.nestedContainer(keyedBy: ClaimName.self, forKey: ClaimName("events"))
        eventCount = events.allKeys.count
        guard events.contains(ClaimName(Self.sessionRevoked)) else { return }
        let event = try events.nestedContainer(keyedBy: ClaimName.self, forKey: ClaimName(Self.sessionRevoked))
        let subjects = [
            try claims.decodeIfPresent(SubjectIdentifier.self, forKey: ClaimName("sub_id")),
            try event.decodeIfPresent(SubjectIdentifier.self, forKey: ClaimName("subject")),
        ]
        sessionRevoked = SessionRevoked(
            timestamp: try event.decodeIfPresent(Double.self, forKey: ClaimName("event_timestamp")),
            subjects: subjects.compactMap(\.self)
        )
    }
}
