public import AccessControl
import Basics
public import EventLog
import EventModel
import FoundationEssentials
import NATSClient

/// The stream of revoked tokens, `REVOCATIONS` (contract §13): one message for each `jti` and each user.
///
/// The stream drops messages by age only, once no token that they can concern is valid; when it is full it refuses new ones. Any thread.
public struct RevocationStream: Sendable {
    /// The stream and its reader.
    package let followed: FollowedStream
    private let maximumTokenLife: Duration

    /// The stream, for ``WriteWatch``.
    public var store: SideStream { followed.store }

    private static let prefix = "revocations"
    private static let tokenKind = "TOKEN"
    private static let userKind = "USER"
    /// Maximum size of the stream in bytes, which also bounds the set in the memory of every process: some 300,000 revocations.
    private static let maximumBytes: Int64 = 64 << 20

    private struct Body: Codable {
        /// See ``Revocation/expiresAt``.
        var expiresAt: Int64
        /// Of a user's tokens, in milliseconds since 1970 UTC.
        var issuedBefore: Int64?
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

    /// Stores a revocation. When this returns, it is durable. Revocations of one user are merged: the stored one concerns at least the tokens of each.
    ///
    /// - Parameter timeout: how long to retry through a short outage.
    /// - Returns: the stored revocation.
    /// - Throws: ``EventLogError``; ``EventLogError/Code/incompatibleStream`` also when the stream drops messages before the tokens have expired.
    public func store(_ revocation: Revocation, within timeout: Duration) async throws -> Revocation {
        try await checkAge()
        let subject = Self.subject(of: revocation)
        let deadline = ContinuousClock.now.advanced(by: timeout)
        while true {
            let last = try await followed.lastMessage(on: subject)
            let known = last.flatMap { Self.revocation(subject: $0.subject, body: $0.payload) }
            let merged = known.map(revocation.merged) ?? revocation
            if merged == known { return merged }
            let sequence = try await followed.publish(
                subject: subject,
                payload: Self.body(of: merged),
                expectedLastSubjectSequence: last?.sequence ?? 0,
                within: ContinuousClock.now.duration(to: deadline)
            )
            if sequence != nil { return merged }
            // Another process stored one at the same time, or this one did and the acknowledgement was lost.
            guard ContinuousClock.now < deadline else {
                throw EventLogError(code: .unavailable, message: "The revocation could not be stored in time. Try again.")
            }
        }
    }

    private func checkAge() async throws(EventLogError) {
        let age = try await followed.store.ensure().configuration.maxAge
        guard age > .zero, age < maximumTokenLife else { return }
        let name = followed.store.name
        throw EventLogError(
            code: .incompatibleStream,
            message: """
                The stream \(name) forgets revocations after \(age), but tokens live up to \(maximumTokenLife), as AUTH_MAX_TOKEN_LIFE says. \
                Run `nats stream edit \(name) --max-age \(maximumTokenLife.components.seconds)s`.
                """
        )
    }

    /// The subject of a revocation's message.
    static func subject(of revocation: Revocation) -> String {
        let tenant = "\(prefix).\(SubjectToken.encode(revocation.tenant))"
        return switch revocation.target {
        case .token(let id): "\(tenant).\(tokenKind).\(SubjectToken.encode(id))"
        case .user(let user, _): "\(tenant).\(userKind).\(SubjectToken.encode(user))"
        }
    }

    /// The body of a revocation's message.
    static func body(of revocation: Revocation) throws -> [UInt8] {
        var body = Body(expiresAt: revocation.expiresAt)
        if case .user(_, let issuedBefore) = revocation.target { body.issuedBefore = issuedBefore }
        return [UInt8](try JSONEncoder().encode(body))
    }

    /// Decodes a message; nil when it is malformed.
    static func revocation(subject: String, body: [UInt8]) -> Revocation? {
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 4, tokens[0] == prefix, let tenant = SubjectToken.decode(tokens[1]).flatMap({ try? Tenant($0) }),
            let name = SubjectToken.decode(tokens[3]), (try? JSONDocument.check(body)) != nil,
            let body = try? JSONDecoder().decode(Body.self, from: Data(body))
        else { return nil }
        let target: Revocation.Target
        switch (String(tokens[2]), body.issuedBefore) {
        case (tokenKind, nil):
            guard let id = try? TokenID(name) else { return nil }
            target = .token(id)
        case (userKind, let issuedBefore?):
            guard let user = try? UserID(name) else { return nil }
            target = .user(user, issuedBefore: issuedBefore)
        default: return nil
        }
        return Revocation(tenant: tenant, target: target, expiresAt: body.expiresAt)
    }
}
