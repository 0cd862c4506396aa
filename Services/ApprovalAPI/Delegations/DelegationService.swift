import Basics
import EventLog
import EventModel
import HTTPAPI

/// Stores delegations in the stream of approval records (contract §12).
struct DelegationService: Sendable {
    /// Delegations of a tenant at once, and a day: each takes space in the stream of all tenants.
    private static let perDay = 1_000
    /// Delegations in force that one person may have given.
    private static let perGiver = 100

    private let share = TenantRateLimiter(perSecond: Double(perDay) / 86_400, burst: perDay)
    private let stream: FollowedStream
    private let model: ReadModel
    private let barrier: ReadBarrier
    private let timeout: Duration
    private let now: @Sendable () -> Timestamp

    init(stream: FollowedStream, model: ReadModel, barrier: ReadBarrier, timeout: Duration, now: @escaping @Sendable () -> Timestamp) {
        self.stream = stream
        self.model = model
        self.barrier = barrier
        self.timeout = timeout
        self.now = now
    }

    /// Stores a delegation.
    ///
    /// - Parameters:
    ///   - roles: the giver's, from the token.
    /// - Throws: `validation_error` for an invalid time or receiver; `service_unavailable`.
    func give(to receiver: UserID, until: Timestamp, by giver: Viewer, roles: [String]) async throws -> Delegation {
        let time = now()
        let duration = Duration.milliseconds(until.millisecondsSinceEpoch - time.millisecondsSinceEpoch)
        guard receiver != giver.user else { throw APIError.validation("to: must be another person.") }
        guard duration > .zero, duration <= Delegation.longest else {
            throw APIError.validation("until: must be in the future, and at most \(Int(Delegation.longest / .seconds(86_400))) days away.")
        }
        try await barrier.ofApprovals()
        guard try await model.delegations(by: giver, at: time).count < Self.perGiver else {
            throw APIError.conflict("You have given \(Self.perGiver) delegations that are in force: revoke one first.")
        }
        let verdict = share.admit(giver.tenant)
        guard verdict.isAllowed else {
            throw APIError.rateLimited(
                "Your tenant has used up its share of \(Self.perDay) delegations a day: send it again in \(verdict.secondsUntilNext) s.",
                retryAfter: verdict.secondsUntilNext
            )
        }
        let delegation = Delegation(
            id: "dlg_" + ULID.generate(time: time),
            tenant: giver.tenant,
            giver: giver.user,
            roles: roles,
            receiver: receiver,
            createdAt: time,
            until: until
        )
        try await store(isRevoked: false, delegation, DelegationMessage.body(of: delegation))
        return delegation
    }

    /// Returns the delegations in force that a person gave or received.
    func list(with person: Viewer) async throws -> [Delegation] {
        try await barrier.ofApprovals()
        return try await model.delegations(with: person, at: now())
    }

    /// Revokes a delegation that the person gave.
    ///
    /// - Throws: `not_found` for an id that the person has not given or that is not in force; `service_unavailable`.
    func revoke(_ id: String, by giver: Viewer) async throws {
        try await barrier.ofApprovals()
        guard let delegation = try await model.delegations(by: giver, at: now()).first(where: { $0.id == id }) else {
            throw APIError.notFound("You have given no such delegation: check the id.")
        }
        try await store(isRevoked: true, delegation, Array("{}".utf8))
    }

    private func store(isRevoked: Bool, _ delegation: Delegation, _ body: [UInt8]) async throws {
        let subject = DelegationMessage.subject(
            tenant: delegation.tenant,
            giver: delegation.giver,
            id: delegation.id,
            isRevoked: isRevoked
        )
        do {
            // Nil: an earlier attempt has stored it.
            _ = try await stream.publish(subject: subject, payload: body, expectedLastSubjectSequence: 0, within: timeout)
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
        try await barrier.ofApprovals()
    }
}
