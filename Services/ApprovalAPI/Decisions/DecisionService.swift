import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import Logging

/// Decides approvals by create-once appends (contract §7).
///
/// The log decides: a decision is one event at a create-once place, so of any number of requests on any number of replicas exactly one is stored, and
/// its acknowledgement is the decision. All earlier checks only save appends that must fail.
struct DecisionService: Sendable {
    /// A request to decide.
    struct Request: Sendable {
        var approvalID: ApprovalID
        var action: DecisionAction
        var reason: String?
        /// The client's idempotency key; the same request under the same key gets the same answer.
        var idempotencyKey: IdempotencyKey?
        /// The W3C trace that the request belongs to.
        var traceparent: String?
    }

    /// The result of a request.
    enum Outcome: Sendable, Equatable {
        /// This request's decision stands, from now or from an earlier attempt.
        case decided(Decision)
        /// No such approval is visible to the caller.
        case notFound
        /// Another decision stands.
        case alreadyResolved(Decision)
        /// The same person decided another approval under the request's `Idempotency-Key`.
        case keyReused
        /// The approval expired undecided.
        case expired
        /// Another user than the requester must decide.
        case selfApproval
        /// Another user than the requester must decide, and the requester is unknown.
        case unknownRequester
    }

    /// An approval, as of a request.
    struct Found: Sendable {
        var approval: Approval
        /// The epoch of the approval's places.
        var epoch: UInt16
    }

    let log: EventLog
    let model: ReadModel
    let barrier: ReadBarrier
    let timeout: Duration
    let now: @Sendable () -> Timestamp

    /// Decides an approval, or returns why not.
    ///
    /// - Throws: `service_unavailable` when the log did not answer: the decision may or may not be stored; a retry with an `Idempotency-Key`
    ///   tells.
    func decide(_ request: Request, by viewer: Viewer) async throws -> Outcome {
        guard let approval = try await find(request.approvalID, for: viewer)?.approval else { return .notFound }
        if let key = request.idempotencyKey, try await model.hasDecided(under: key, viewer, otherThan: request.approvalID) {
            return .keyReused
        }
        let time = now()
        let id = DecisionID.make(
            key: request.idempotencyKey,
            of: viewer,
            approvalID: request.approvalID,
            action: request.action,
            reason: request.reason,
            now: time
        )
        switch DecisionRules.judge(approval, action: request.action, by: viewer.user, now: time) {
        case .resolved(let decided): return Self.outcome(decided.decision, eventID: decided.eventID, of: id)
        case .selfApproval: return .selfApproval
        case .unknownRequester: return .unknownRequester
        case .expired:
            let (standing, eventID, _) = try await answering { () throws(EventLogError) in try await recordExpiry(of: approval) }
            return Self.outcome(standing, eventID: eventID, of: id)
        case .proceed:
            let decision = approval.request.decision(
                request.action,
                by: viewer.user,
                at: time,
                reason: request.reason,
                epoch: log.epoch
            )
            // No attempt begins after the expiry: a request that waits for the bus that long finds the approval expired.
            let (standing, eventID, _) = try await answering { () throws(EventLogError) in
                try await record(
                    decision,
                    of: approval.request,
                    id: id,
                    traceparent: request.traceparent,
                    timeout: min(timeout, approval.request.expiry.remaining(at: time))
                )
            }
            return Self.outcome(standing, eventID: eventID, of: id)
        }
    }

    /// Expires an approval, unless it was just decided.
    ///
    /// - Returns: the standing decision, and whether this call made it.
    /// - Throws: an ``EventLogError``; not retriable when the approval's content prevents its expiry.
    func expire(_ approval: Approval) async throws(EventLogError) -> (Decision, isNew: Bool) {
        let (standing, _, isNew) = try await recordExpiry(of: approval)
        return (standing, isNew)
    }

    /// The standing decision, its event's id, and whether it was just made.
    private typealias Recorded = (standing: Decision, eventID: EventID, isNew: Bool)

    private func recordExpiry(of approval: Approval) async throws(EventLogError) -> Recorded {
        let request = approval.request
        let decision = request.decision(.expire, by: Decision.system, at: now(), reason: nil, epoch: log.epoch)
        let id = DecisionID.make(
            key: nil,
            of: Viewer(tenant: request.tenant, user: Decision.system),
            approvalID: request.approvalID,
            action: .expire,
            reason: nil,
            now: decision.decidedAt
        )
        return try await record(decision, of: request, id: id, traceparent: nil, timeout: timeout)
    }

    /// Returns the approval as of now, if the viewer may see it. Shared by reads and decisions, so they agree; absent approvals and those of other
    /// tenants and users take the same time.
    func find(_ id: ApprovalID, for viewer: Viewer) async throws -> Found? {
        let bounds = try await barrier.ofLog()
        return try await model.approval(id, for: viewer).map { Found(approval: $0, epoch: bounds.epoch) }
    }

    /// Appends a decision.
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
        let appended = try await log.append(
            event,
            onceAt: .decision(approvalID: decision.approvalID),
            intake: decision.decidedAt,
            timeout: timeout
        )
        guard let standing = Decision(appended.entry.event, on: decision.approvalID) else {
            throw EventLogError(code: .rejected, message: "The message at the decision's subject is not a decision.")
        }
        // The model hides a request whose approvalId has another request's decision, but may not have applied that decision yet.
        guard standing.isAbout(request.place) else {
            throw EventLogError(code: .rejected, message: "The log holds a decision about another request with the same approvalId.")
        }
        let eventID = appended.entry.event.id
        return (standing, eventID, eventID == id)
    }

    /// Maps an error of the log to a response.
    private func answering(_ body: () async throws(EventLogError) -> Recorded) async throws(APIError) -> Recorded {
        do throws(EventLogError) {
            return try await body()
        } catch {
            throw Unavailable.because(error)
        }
    }

    private static func outcome(_ standing: Decision, eventID: EventID, of id: EventID) -> Outcome {
        if eventID == id { return .decided(standing) }
        return standing.action == .expire ? .expired : .alreadyResolved(standing)
    }
}

extension Approval.Request {
    /// Creates a decision on this approval.
    ///
    /// - Parameter epoch: the epoch of the log that the request was read from.
    fileprivate func decision(
        _ action: DecisionAction,
        by user: UserID,
        at time: Timestamp,
        reason: String?,
        epoch: UInt16
    ) -> Decision {
        Decision(
            approvalID: approvalID,
            remediationID: remediationID,
            incidentID: incidentID,
            user: self.user,
            action: action,
            decidedBy: user,
            decidedAt: time,
            reason: reason,
            request: Cursor(time: place.intake, epoch: epoch, sequence: place.sequence)
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
