import Basics
import CausewayProducer
import EventLog
import EventModel

/// How an approval of a story ended.
enum StoryDecision: Sendable, Hashable {
    /// A person allowed the remediation.
    case approved
    /// A person stopped the remediation.
    case rejected(by: String)
    /// The approval expired without a decision.
    case expired

    /// Reads the payload of an `approval.resolved` (contract §7).
    init(_ payload: Payload) {
        switch payload.string("action") {
        case "approve": self = .approved
        case "reject": self = .rejected(by: payload.string("decidedBy") ?? "a person")
        default: self = .expired
        }
    }
}

/// An approval that a story waits for.
struct AwaitedApproval: Sendable, Hashable {
    /// The story's tenant.
    var tenant: Tenant
    /// The approval.
    var approvalID: ApprovalID
}

/// Where decisions are recorded.
protocol DecisionSource: Sendable {
    /// Returns the decision; nil for a pending approval.
    ///
    /// - Throws: a retriable ``ProducerError`` in an outage.
    func decision(on approval: AwaitedApproval) async throws(ProducerError) -> StoryDecision?
}

extension EventProducer: DecisionSource {
    func decision(on approval: AwaitedApproval) async throws(ProducerError) -> StoryDecision? {
        let records = ApprovalRecords(beside: try await ready())
        do throws(EventLogError) {
            let record = try await records.record(at: .decision(approvalID: approval.approvalID), tenant: approval.tenant)
            return record.map { StoryDecision($0.event.payload) }
        } catch {
            throw ProducerError(error.code == .cancelled ? .cancelled : error.isRetriable ? .unavailable : .refused, error.message)
        }
    }
}
