public import AccessControl
import Basics
public import EventLog
import EventModel
import FoundationEssentials
import NATSClient

/// The stream of revoked tokens, `REVOCATIONS` (contract §13): one message for each `jti`, and for each user and time.
///
/// The stream drops messages by age only, once no token that they can concern is valid; when it is full it refuses new ones. Any thread.
public struct RevocationStream: Sendable {
    /// The stream and its reader.
    let followed: FollowedStream
    private let maximumTokenLife: Duration

    private static let prefix = "revocations"
    private static let tokenKind = "TOKEN"
    private static let userKind = "USER"
    /// Maximum size of the stream in bytes, which also bounds the set in the memory of every process: some 300,000 revocations.
    private static let maximumBytes: Int64 = 64 << 20

    private struct Body: Codable {
        /// See ``Revocation/expiresAt``.
        var expiresAt: Int64
    }

    /// - Parameter maximumTokenLife: The longest time between the issue of a token and its `exp`.
    public init(beside log: EventLog, maximumTokenLife: Duration) {
        var configuration = StreamConfiguration(name: EventLogConfiguration.revocationsName, subjects: ["\(Self.prefix).>"])
        configuration.description = "Causeway: revoked tokens"
        configuration.maxAge = maximumTokenLife
        configuration.maxBytes = Self.maximumBytes
        configuration.maxMessagesPerSubject = 1
        configuration.discard = .new
        followed = FollowedStream(SideStream(beside: log, configuration), beside: log)
        self.maximumTokenLife = maximumTokenLife
    }

    /// Stores a revocation, with retries through a short outage: revocations are idempotent. When this returns, it is durable.
    ///
    /// - Throws: ``EventLogError``; ``EventLogError/Code/incompatibleStream`` also when the stream drops messages before the tokens have expired.
    public func store(_ revocation: Revocation, within timeout: Duration) async throws {
        let age = try await followed.store.ensure().configuration.maxAge
        guard age == .zero || age >= maximumTokenLife else {
            throw EventLogError(
                code: .incompatibleStream,
                message: """
                    The stream \(followed.store.name) forgets revocations after \(age), but tokens live up to \(maximumTokenLife), as AUTH_MAX_TOKEN_LIFE says. \
                    Run `nats stream edit \(followed.store.name) --max-age \(maximumTokenLife.components.seconds)s`.
                    """
            )
        }
        let body = [UInt8](try JSONEncoder().encode(Body(expiresAt: revocation.expiresAt)))
        try await followed.publish(subject: Self.subject(of: revocation), payload: body, within: timeout)
    }

    /// The subject of a revocation's message.
    static func subject(of revocation: Revocation) -> String {
        let tenant = "\(prefix).\(SubjectToken.encode(revocation.tenant))"
        return switch revocation.target {
        case .token(let id): "\(tenant).\(tokenKind).\(SubjectToken.encode(id))"
        case .user(let user, let issuedBefore): "\(tenant).\(userKind).\(SubjectToken.encode(user)).\(issuedBefore)"
        }
    }

    /// Decodes a message; nil when it is malformed.
    static func revocation(subject: String, body: [UInt8]) -> Revocation? {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count >= 4, tokens[0] == prefix, let tenant = SubjectToken.decode(tokens[1]).flatMap({ try? Tenant($0) }),
            (try? JSONDocument.check(body)) != nil, let body = try? JSONDecoder().decode(Body.self, from: Data(body))
        else { return nil }
        let name = SubjectToken.decode(tokens[3])
        let target: Revocation.Target
        if tokens.count == 4, tokens[2] == tokenKind, let id = name.flatMap({ try? TokenID($0) }) {
            target = .token(id)
        } else if tokens.count == 5, tokens[2] == userKind, let user = name.flatMap({ try? UserID($0) }), let time = Int64(tokens[4]) {
            target = .user(user, issuedBefore: time)
        } else {
            return nil
        }
        return Revocation(tenant: tenant, target: target, expiresAt: body.expiresAt)
    }
}
