import Basics
import EventLog
import EventModel
import HTTPAPI

extension DecisionService {
    /// A request to consume an approval.
    struct ConsumptionRequest: Sendable {
        var approvalID: ApprovalID
        /// The digest of what the executor is about to do; nil when the approval names no action.
        var actionDigest: ActionDigest?
        var idempotencyKey: IdempotencyKey?
        var traceparent: String?
    }

    /// The result of a request to consume.
    enum ConsumptionOutcome: Sendable, Equatable {
        /// The permit is this request's, from now or from an earlier attempt.
        case consumed(Consumption, Approval)
        case notFound
        /// The approval is pending, rejected or expired.
        case notApproved(ApprovalStatus)
        /// Another request has the permit.
        case alreadyConsumed(Consumption)
        /// The digest is not that of the approval's action.
        case otherAction
        /// The same person used the key for another approval.
        case keyReused
    }

    /// Consumes an approval: the executor's permit, given once.
    ///
    /// - Parameter isExecutor: whether the executor sees the approvals of every user; see ``find(_:for:isExecutor:)``.
    /// - Throws: `service_unavailable` when the bus did not answer; a retry with an `Idempotency-Key` tells.
    func consume(_ request: ConsumptionRequest, by executor: Viewer, isExecutor: Bool) async throws -> ConsumptionOutcome {
        guard let approval = try await find(request.approvalID, for: executor, isExecutor: isExecutor) else { return .notFound }
        if let key = request.idempotencyKey, try await model.hasActed(under: key, executor, otherThan: request.approvalID) {
            return .keyReused
        }
        guard request.actionDigest == approval.request.actionDigest else { return .otherAction }
        guard approval.status == .approved else { return .notApproved(approval.status) }
        let time = now()
        let id = DecisionID.consumption(key: request.idempotencyKey, of: executor, approvalID: request.approvalID, now: time)
        let consumption = Consumption(consumedBy: executor.user, consumedAt: time, eventID: id)
        do {
            let event = try consumption.event(on: approval.request, traceparent: request.traceparent)
            let place = ApprovalPlace.consumption(approvalID: request.approvalID)
            let stored = try await store(event, at: place, of: approval.request, intake: time, timeout: timeout)
            guard let standing = Consumption(stored.record.event) else {
                throw APIError.internal("The record at the consumption's subject is not a consumption.")
            }
            guard standing.eventID == id else { return .alreadyConsumed(standing) }
            return .consumed(standing, approval)
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
    }
}
