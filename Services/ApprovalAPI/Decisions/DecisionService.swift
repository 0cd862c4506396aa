import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import Logging

/// Decides approvals, takes votes and consumes permits by create-once records (contract §7, §12).
///
/// The stream of records decides: a decision is one record at a create-once place, so of any number of requests on any number of replicas exactly one is
/// stored, and its acknowledgement is the decision. All earlier checks only save attempts that must fail.
struct DecisionService: Sendable {
    /// A request to decide.
    struct Request: Sendable {
        var approvalID: ApprovalID
        var action: DecisionAction
        var reason: String?
        /// The digest of what the caller has seen; nil when the request names none.
        var actionDigest: ActionDigest?
        /// The person in whose place the caller acts; nil for the caller's own right, or any delegation.
        var onBehalfOf: UserID?
        /// The client's idempotency key; the same request under the same key gets the same answer.
        var idempotencyKey: IdempotencyKey?
        /// The W3C trace that the request belongs to.
        var traceparent: String?
    }

    /// The result of a request.
    enum Outcome: Sendable, Equatable {
        /// This request's decision stands, from now or from an earlier attempt; or the caller's vote counts in the decision.
        case decided(Decision)
        /// The caller's vote counts; the approval is still pending.
        case voted(Vote, Approval)
        /// No such approval is visible to the caller.
        case notFound
        /// The caller belongs to no group that may decide now.
        case notEligible
        /// Another decision stands.
        case alreadyResolved(Decision)
        /// The caller, or the person in whose place, has voted differently.
        case alreadyVoted(Vote)
        /// The same person decided another approval under the request's `Idempotency-Key`.
        case keyReused
        /// The request's digest is not that of the approval's action.
        case otherAction
        /// The approval expired undecided.
        case expired
        /// Another user than the requester must decide.
        case selfApproval
        /// Another user than the requester must decide, and the requester is unknown.
        case unknownRequester
    }

    let log: EventLog
    let model: ReadModel
    let barrier: ReadBarrier
    let recorder: RequestRecorder
    let announcer: RecordAnnouncer
    /// Each tenant's share of the records for what people write; nil without a limit.
    let shares: TenantByteShares?
    let timeout: Duration
    let now: @Sendable () -> Timestamp

    // MARK: Deciding

    /// Decides an approval or votes on it, or returns why not.
    ///
    /// - Throws: `service_unavailable` when the bus did not answer: the decision may or may not be stored; a retry with an `Idempotency-Key` tells.
    func decide(_ request: Request, by voter: Voter, of tenant: Tenant) async throws -> Outcome {
        let viewer = Viewer(tenant: tenant, user: voter.user)
        guard let approval = try await find(request.approvalID, for: viewer) else { return .notFound }
        if let key = request.idempotencyKey, try await model.hasActed(under: key, viewer, otherThan: request.approvalID) {
            return .keyReused
        }
        if let digest = request.actionDigest, digest != approval.request.actionDigest { return .otherAction }
        let time = now()
        let id = DecisionID.make(request, of: viewer, now: time)
        let needsDelegations = DecisionRules.needsDelegations(voter, onBehalfOf: request.onBehalfOf, on: approval)
        let verdict = DecisionRules.judge(
            approval,
            action: request.action,
            by: voter,
            delegations: needsDelegations ? try await model.delegations(to: viewer, from: request.onBehalfOf, at: time) : [],
            onBehalfOf: request.onBehalfOf,
            now: time
        )
        switch verdict {
        case .resolved(let decided): return Self.outcome(decided.decision, eventID: decided.eventID, of: id, in: approval)
        case .notEligible: return .notEligible
        case .selfApproval: return .selfApproval
        case .unknownRequester: return .unknownRequester
        case .expired:
            let decided = try await answering { () throws(EventLogError) in try await recordExpiry(of: approval) }
            return Self.outcome(decided.standing, eventID: decided.eventID, of: id, in: approval)
        case .proceed(let right):
            guard approval.request.isDecidedAtOnce else {
                return try await vote(request, with: right, by: voter, on: approval, id: id, at: time)
            }
            try charge(Self.size(ofReason: request.reason), to: tenant)
            var decision = approval.request.decision(request.action, by: voter.user, at: time, reason: request.reason)
            decision.onBehalfOf = right.onBehalfOf
            // No attempt begins after the expiry: a request that waits for the bus that long finds the approval expired.
            let recorded = try await answering { () throws(EventLogError) in
                try await record(
                    decision,
                    of: approval.request,
                    id: id,
                    traceparent: request.traceparent,
                    timeout: min(timeout, approval.request.expiry.remaining(at: time))
                )
            }
            return Self.outcome(recorded.standing, eventID: recorded.eventID, of: id, in: approval)
        }
    }

    private func vote(
        _ request: Request,
        with right: DecisionRules.Right,
        by voter: Voter,
        on approval: Approval,
        id: EventID,
        at time: Timestamp
    ) async throws -> Outcome {
        let vote = Vote(
            action: request.action,
            votedBy: voter.user,
            onBehalfOf: right.onBehalfOf,
            votedAt: time,
            reason: request.reason,
            groups: right.groups,
            eventID: id
        )
        // The person in whose place may have voted, also in another's place, or somebody in the caller's. Such a vote would not count (``ApprovalTally``).
        let taken = [vote.person, voter.user]
        if let other = approval.votes.first(where: {
            $0.votedBy != voter.user && (taken.contains($0.person) || taken.contains($0.votedBy))
        }) {
            return .alreadyVoted(other)
        }
        let place = ApprovalPlace.vote(approvalID: request.approvalID, voter: voter.user)
        let stored: ApprovalRecords.Stored
        do {
            let event = try vote.event(on: approval.request, traceparent: request.traceparent)
            // One that the caller has is not stored again.
            if !approval.votes.contains(where: { $0.votedBy == voter.user }) {
                // The decision that it completes repeats the reason.
                try charge(ApprovalRecords.bytes(of: event, at: place) + Self.size(ofReason: request.reason), to: approval.request.tenant)
            }
            stored = try await store(
                event,
                at: place,
                of: approval.request,
                intake: time,
                timeout: min(timeout, approval.request.expiry.remaining(at: time))
            )
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
        guard let standing = Vote(stored.record.event, record: stored.record.sequence) else {
            throw APIError.internal("The record at the vote's subject is not a vote.")
        }
        // The same vote again is the same answer.
        guard standing.action == vote.action, standing.person == vote.person else { return .alreadyVoted(standing) }
        // Before the decision that it may complete, so that the log shows them in this order. If this fails, the shared reading announces the vote.
        if case .new(let record) = stored { _ = await announcer.announce(record) }
        guard let settled = try await settle(request.approvalID, of: approval.request.tenant) else { return .notFound }
        guard let decided = settled.decision else { return .voted(standing, settled) }
        return Self.outcome(decided.decision, eventID: decided.eventID, of: standing.eventID, in: settled)
    }

    /// Takes a part of the tenant's share of the records.
    ///
    /// - Throws: `rate_limited` beyond it.
    private func charge(_ bytes: Int, to tenant: Tenant) throws(APIError) {
        guard bytes > 0, let seconds = shares?.take(bytes, of: tenant) else { return }
        throw .rateLimited(
            "Your tenant's votes and reasons have taken its share of APPROVALS. Retry in \(seconds) s, or let an operator raise APPROVALS_MAX_BYTES.",
            retryAfter: seconds
        )
    }

    /// Returns the bytes that a reason takes in a record: escapes take up to six for one.
    private static func size(ofReason reason: String?) -> Int {
        guard let reason else { return 0 }
        let member: JSONObject = ["reason": .string(reason)]
        return member.bytes.count
    }

    /// Makes the decision of an approval whose votes suffice, unless it has one.
    ///
    /// Every replica computes the same decision from the same votes, and the stream takes one.
    ///
    /// - Returns: the approval as of now; nil when absent.
    /// - Throws: `service_unavailable`.
    @discardableResult
    func settle(_ id: ApprovalID, of tenant: Tenant) async throws -> Approval? {
        try await barrier.ofApprovals()
        guard var approval = try await model.approval(id, of: tenant) else { return nil }
        guard approval.decision == nil, let vote = ApprovalTally(approval).decisive else { return approval }
        let recorded = try await answering { () throws(EventLogError) in try await record(vote, of: approval.request) }
        approval.decision = Approval.Decided(eventID: recorded.eventID, decision: recorded.standing, record: recorded.record)
        return approval
    }

    /// The same for the approval of a recorded vote, as background work.
    func settle(_ record: ApprovalRecord) async -> WorkOutcome {
        do {
            try await settle(record.place.approvalID, of: record.event.tenant)
            return .done
        } catch {
            return .later("\(error)")
        }
    }

    /// Expires an approval, unless it was just decided.
    ///
    /// - Returns: the standing decision, and whether this call made it.
    /// - Throws: an ``EventLogError``; not retriable when the approval's content prevents its expiry.
    func expire(_ approval: Approval) async throws(EventLogError) -> (Decision, isNew: Bool) {
        let recorded = try await recordExpiry(of: approval)
        return (recorded.standing, recorded.isNew)
    }

    /// Puts the next step of an approval's escalation into force, if it is due.
    func escalate(_ approval: Approval) async throws(EventLogError) {
        let request = approval.request
        let step = (approval.escalations.keys.max() ?? 0) + 1
        let time = now()
        guard let due = request.escalates(at: step), due <= time else { return }
        let event: Event
        do throws(ValidationError) {
            event = try Escalation.event(step: step, of: request, at: time)
        } catch {
            throw EventLogError(code: .rejected, message: "The escalation cannot be stored as an event: \(error).")
        }
        let place = ApprovalPlace.escalation(approvalID: request.approvalID, step: step)
        _ = try await store(event, at: place, of: request, intake: time, timeout: timeout)
    }

    // MARK: Finding

    /// Returns the approval as of now, if the viewer may see it: its recipients do, and those who may vote in their place while the
    /// delegation is in force. Shared by reads and decisions, so they agree; absent approvals and those of other tenants and users take the
    /// same time.
    ///
    /// - Parameter isExecutor: whether the viewer sees the approvals of every user of the tenant, as executors do.
    func find(_ id: ApprovalID, for viewer: Viewer, isExecutor: Bool = false) async throws -> Approval? {
        async let ofLog = barrier.ofLog()
        async let ofApprovals = barrier.ofApprovals()
        _ = try await (ofLog, ofApprovals)
        var approval = try await model.approval(id, of: viewer.tenant)
        if try await complete(approval, id, viewer.tenant) {
            try await barrier.ofApprovals()
            approval = try await model.approval(id, of: viewer.tenant)
        }
        if let approval, isExecutor || approval.request.recipients.includes(viewer.user) { return approval }
        // Read for an absent approval too, so that the time does not tell the two apart.
        let isDeputy = try await model.isDeputy(viewer, of: approval?.request.recipients.users ?? [], at: now())
        return isDeputy ? approval : nil
    }

    /// Records what the log holds of an approval and its records do not: a request that was just published on the bus, or a decision of version 1.
    ///
    /// - Returns: whether there was anything to record.
    private func complete(_ approval: Approval?, _ id: ApprovalID, _ tenant: Tenant) async throws -> Bool {
        let isRequest = approval == nil
        guard isRequest || (approval?.decision == nil && approval?.announced[ApprovalPlace.decision(approvalID: id).name] != nil) else {
            return false
        }
        let place = isRequest ? ApprovalPlace.request(approvalID: id) : .decision(approvalID: id)
        let sequences = try await model.announcements(of: place, tenant)
        guard !sequences.isEmpty else { return false }
        do throws(EventLogError) {
            if isRequest { try await recorder.record(at: sequences) } else { try await recorder.adopt(at: sequences) }
            return true
        } catch {
            throw Unavailable.because(error)
        }
    }

    // MARK: Records

    /// Stores a record of an approval; see ``ApprovalRecords/store(_:at:intake:timeout:)``.
    ///
    /// - Throws: `unavailable` while the place has a record of a former approval: the stream drops the request of an approval before its other records,
    ///   and a new one may have the id by then.
    func store(
        _ event: Event,
        at place: ApprovalPlace,
        of request: Approval.Request,
        intake: Timestamp,
        timeout: Duration
    ) async throws(EventLogError) -> ApprovalRecords.Stored {
        let stored = try await ApprovalRecords(beside: log).store(event, at: place, intake: intake, timeout: timeout)
        guard stored.record.sequence > request.record else {
            throw .unavailable("Records of a former approval with this approvalId are still kept: try again when they have expired.")
        }
        return stored
    }

    /// The standing decision, its event's id and record, and whether it was just made.
    private typealias Recorded = (standing: Decision, eventID: EventID, record: UInt64, isNew: Bool)

    private func recordExpiry(of approval: Approval) async throws(EventLogError) -> Recorded {
        let request = approval.request
        // Votes that sufficed in time, whose voter's process died before it decided.
        if let vote = ApprovalTally(approval).decisive { return try await record(vote, of: request) }
        let decision = request.decision(.expire, by: Decision.system, at: now(), reason: nil)
        let id = DecisionID.new(now: decision.decidedAt)
        return try await record(decision, of: request, id: id, traceparent: nil, timeout: timeout)
    }

    /// Stores the decision that falls with a vote.
    private func record(_ vote: Vote, of request: Approval.Request) async throws(EventLogError) -> Recorded {
        var decision = request.decision(vote.action, by: vote.votedBy, at: vote.votedAt, reason: vote.reason)
        decision.onBehalfOf = vote.onBehalfOf
        return try await record(
            decision,
            of: request,
            id: EventID(generated: "quorum_\(vote.record)"),
            traceparent: nil,
            timeout: timeout
        )
    }

    /// Stores a decision. The shared reading of records announces it: the answer waits for the one record that decides, not for the events that tell of it.
    private func record(
        _ decision: Decision,
        of request: Approval.Request,
        id: EventID,
        traceparent: String?,
        timeout: Duration
    ) async throws(EventLogError) -> Recorded {
        let event: Event
        do throws(ValidationError) {
            event = try decision.event(id: id, tenant: request.tenant, traceparent: traceparent)
        } catch {
            throw EventLogError(code: .rejected, message: "The decision cannot be stored as an event: \(error).")
        }
        let place = ApprovalPlace.decision(approvalID: decision.approvalID)
        let stored = try await store(event, at: place, of: request, intake: decision.decidedAt, timeout: timeout)
        guard let standing = Decision(stored.record.event, on: decision.approvalID) else {
            throw EventLogError(code: .rejected, message: "The record at the decision's subject is not a decision.")
        }
        let eventID = stored.record.event.id
        return (standing, eventID, stored.record.sequence, eventID == id)
    }

    /// Maps an error of the bus to a response.
    private func answering(_ body: () async throws(EventLogError) -> Recorded) async throws(APIError) -> Recorded {
        do throws(EventLogError) {
            return try await body()
        } catch {
            throw Unavailable.because(error)
        }
    }

    private static func outcome(_ standing: Decision, eventID: EventID, of id: EventID, in approval: Approval) -> Outcome {
        if eventID == id { return .decided(standing) }
        if let own = approval.votes.first(where: { $0.eventID == id }), own.record < approval.decision?.record ?? .max {
            // It counts in the decision.
            if own.action == standing.action { return .decided(standing) }
            // It was stored before the vote with which the decision fell, if any: its request gets its first answer again.
            if own.record < ApprovalTally(approval).decisive?.record ?? .max { return .voted(own, approval.asOf(own)) }
        }
        return standing.action == .expire ? .expired : .alreadyResolved(standing)
    }
}

extension Approval.Request {
    /// Creates a decision on this approval.
    fileprivate func decision(_ action: DecisionAction, by user: UserID, at time: Timestamp, reason: String?) -> Decision {
        Decision(
            approvalID: approvalID,
            remediationID: remediationID,
            incidentID: incidentID,
            recipients: recipients,
            action: action,
            decidedBy: user,
            decidedAt: time,
            reason: reason,
            request: event,
            actionDigest: actionDigest
        )
    }
}

extension Approval.Expiry {
    /// Returns the time until the approval expires.
    fileprivate func remaining(at now: Timestamp) -> Duration {
        switch self {
        case .never: .seconds(3600)
        case .at(let time): .milliseconds(max(0, time.millisecondsSinceEpoch - now.millisecondsSinceEpoch))
        }
    }
}
