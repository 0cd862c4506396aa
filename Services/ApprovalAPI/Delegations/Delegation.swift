import Basics
import EventModel
import FoundationEssentials

/// Lets another person vote in one's place until a time (contract §12).
///
/// Carries the giver's roles from the token that made it: the person who votes in their place has these, and no others.
struct Delegation: Sendable, Equatable {
    var id: String
    var tenant: Tenant
    var giver: UserID
    var roles: [String]
    var receiver: UserID
    var createdAt: Timestamp
    var until: Timestamp

    /// Maximum duration.
    static let longest: Duration = .seconds(366 * 86_400)
    /// The prefix of the subjects, in the stream of approval records.
    static let prefix = "delegations"
}

/// A message about a delegation in the stream of approval records.
enum DelegationMessage: Sendable, Equatable {
    case given(Delegation)
    /// The giver took it back.
    case revoked(tenant: Tenant, id: String)

    private static let revokedSuffix = "REVOKED"

    private struct Body: Codable {
        var roles: [String]
        var to: String
        var at: Int64
        var until: Int64
    }

    /// The message's subject.
    static func subject(tenant: Tenant, giver: UserID, id: String, isRevoked: Bool) -> String {
        let place = "\(Delegation.prefix).\(SubjectToken.encode(tenant)).\(SubjectToken.encode(giver)).\(id)"
        return isRevoked ? "\(place).\(revokedSuffix)" : place
    }

    /// Encodes a delegation as a message body.
    static func body(of delegation: Delegation) throws -> [UInt8] {
        [UInt8](
            try JSONEncoder().encode(
                Body(
                    roles: delegation.roles,
                    to: delegation.receiver.text,
                    at: delegation.createdAt.millisecondsSinceEpoch,
                    until: delegation.until.millisecondsSinceEpoch
                )
            )
        )
    }

    /// Parses a message; nil when malformed.
    init?(subject: String, body bytes: [UInt8]) {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard (4...5).contains(tokens.count), tokens[0] == Delegation.prefix,
            let tenant = SubjectToken.decode(tokens[1]).flatMap({ try? Tenant($0) }),
            let giver = SubjectToken.decode(tokens[2]).flatMap({ try? UserID($0) })
        else { return nil }
        let id = String(tokens[3])
        if tokens.count == 5 {
            guard tokens[4] == Self.revokedSuffix else { return nil }
            self = .revoked(tenant: tenant, id: id)
            return
        }
        guard (try? JSONDocument.check(bytes)) != nil, let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)),
            let receiver = try? UserID(body.to)
        else { return nil }
        self = .given(
            Delegation(
                id: id,
                tenant: tenant,
                giver: giver,
                roles: body.roles,
                receiver: receiver,
                createdAt: Timestamp(millisecondsSinceEpoch: body.at),
                until: Timestamp(millisecondsSinceEpoch: body.until)
            )
        )
    }
}
