import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import HTTPTypes
import Hummingbird
import Logging
import Metrics
import Tracing

/// `/v1/notifications/approvals`: lists, shows, decides and consumes approvals (contract §7, §12).
struct ApprovalRoutes: Sendable {
    private static let list: RouterPath = "/v1/notifications/approvals"
    private static let one: RouterPath = "/v1/notifications/approvals/:approvalId"
    private static let consumption: RouterPath = "/v1/notifications/approvals/:approvalId/consume"
    /// Roles that may decide an approval without groups.
    private static let deciders: Set<Role> = [.admin]
    /// Roles that may read lists.
    private static let readers: Set<Role> = [.admin, .member]
    /// Roles that may read one approval.
    private static let watchers: Set<Role> = [.admin, .member, .producer]
    /// Roles that may consume.
    private static let executors: Set<Role> = [.admin, .producer]

    let backend: ApprovalBackend

    /// Registers the routes on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(Self.one) { request, context in try await self.decide(request, context) }
        routes.post(Self.consumption) { request, context in try await self.consume(request, context) }
        routes.get(Self.one) { request, context in try await self.show(context) }
        routes.get(Self.list) { request, context in try await self.list(request, context) }
    }

    private func decide(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        // Groups may name any role or user.
        let principal = try context.requirePrincipal()
        let form = try await DecisionRequest.of(request)
        let key = try IdempotencyKey(request.headers)
        let approvalID = try Self.approvalID(context)
        let start = ContinuousClock.now
        let outcome = try await withSpan("decide approval", context: InstrumentationContext(context.trace)) { span in
            if span.isRecording {
                span.attributes = [
                    SpanKey.approvalID: .string("\(approvalID)"), SpanKey.approvalAction: .string(form.action.rawValue),
                    SpanKey.tenant: .string("\(principal.tenant)"),
                ]
            }
            let outcome = try await backend.parts().decisions.decide(
                DecisionService.Request(
                    approvalID: approvalID,
                    action: form.action,
                    reason: form.reason,
                    actionDigest: form.actionDigest,
                    onBehalfOf: form.onBehalfOf,
                    idempotencyKey: key,
                    traceparent: span.context.trace?.text
                ),
                by: Voter(user: principal.user, roles: principal.roleNames),
                of: principal.tenant
            )
            span.attributes[SpanKey.outcome] = Self.label(of: outcome)
            return outcome
        }
        Self.count(outcome, after: ContinuousClock.now - start)
        switch outcome {
        case .decided(let decision): decision.log(tenant: principal.tenant, to: context.logger)
        case .voted(let vote, let approval): vote.log(on: approval.request, to: context.logger)
        // To those who decide nothing without groups, an absent approval and one of others look alike.
        case .notFound where !principal.has(anyOf: Self.deciders), .notEligible: throw Self.notEligible(principal)
        default: break
        }
        return try Self.response(to: outcome)
    }

    private func consume(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.executors)
        let body = try await ConsumptionBody.of(request)
        let key = try IdempotencyKey(request.headers)
        let outcome = try await backend.parts().decisions.consume(
            DecisionService.ConsumptionRequest(
                approvalID: Self.approvalID(context),
                actionDigest: body.actionDigest,
                idempotencyKey: key,
                traceparent: context.trace?.text
            ),
            by: Viewer(principal),
            isExecutor: Self.seesEveryUser(principal)
        )
        switch outcome {
        case .consumed(let consumption, let approval):
            consumption.log(of: approval.request, to: context.logger)
            return try .json(ConsumptionView(consumption, of: approval))
        case .notFound: throw Self.unknown
        case .notApproved(let status):
            throw APIError.notApproved("The approval is \(status.rawValue), not approved: execute nothing.")
        case .alreadyConsumed(let consumption):
            throw APIError.alreadyConsumed(
                "The approval was consumed at \(consumption.consumedAt.iso8601): request a new one for another execution."
            )
        case .otherAction: throw Self.otherAction
        case .keyReused: throw Self.keyReused
        }
    }

    private func show(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.watchers)
        let approvalID = try Self.approvalID(context)
        let decisions = try backend.parts().decisions
        let isExecutor = Self.seesEveryUser(principal)
        guard let approval = try await decisions.find(approvalID, for: Viewer(principal), isExecutor: isExecutor) else {
            throw Self.unknown
        }
        return try WholeApprovalView(approval).response(action: approval.request.action)
    }

    private func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.readers)
        let query = try QueryParameters(of: request)
        let limit = try query.pageLimit()
        let status = try query.value("status").map(Self.status)
        let order = try query.value("sort").map(Self.order) ?? .created
        let cursor = try query.value("cursor").map { text throws(APIError) in
            guard let cursor = Cursor(text) else { throw Self.badCursor }
            return cursor
        }
        let parts = try backend.parts()
        let kept = try await parts.barrier.ofLog()
        try await parts.barrier.ofApprovals()
        if let cursor, !kept.hasReached(cursor) {
            // Approvals outlive the log in which they were requested.
            guard try await backend.model.holdsApproval(requestedAt: cursor, of: principal.tenant) else { throw Self.badCursor }
        }
        let (found, hasMore) = try await backend.model.approvals(
            for: Viewer(principal),
            status: status,
            order: order,
            after: cursor.map { ApprovalListPlace(time: $0.time.millisecondsSinceEpoch, sequence: $0.sequence) },
            limit: limit
        )
        var list = ListBody()
        try list.append(found.lazy.map { ApprovalView($0) })
        let isCut = list.count < found.count
        let last = list.count > 0 ? found[list.count - 1].request : nil
        let next = hasMore || isCut ? last?.cursor(order).text : nil
        return try list.response(nextCursor: next)
    }

    /// Whether private approvals of others exist for the caller: services that request and execute have no user, an admin is a person.
    private static func seesEveryUser(_ principal: Principal) -> Bool { principal.has(anyOf: [.producer]) }

    /// Returns the approval id of the path.
    ///
    /// - Throws: `validation_error` for an invalid identifier (contract §0).
    private static func approvalID(_ context: APIRequestContext) throws(APIError) -> ApprovalID {
        guard let text = context.decodedPathParameter("approvalId") else {
            throw .validation("approvalId: must be percent-encoded UTF-8, with two hexadecimal digits after every %.")
        }
        do throws(ValidationError) {
            return try ApprovalID(text)
        } catch {
            throw APIError(error)
        }
    }

    private static func status(_ text: String) throws(APIError) -> ApprovalStatus {
        guard let status = ApprovalStatus(rawValue: text) else {
            throw .validation("status: must be \(ApprovalStatus.allCases.map(\.rawValue).joined(separator: ", ")), or be left out.")
        }
        return status
    }

    private static func order(_ text: String) throws(APIError) -> ApprovalOrder {
        guard let order = ApprovalOrder(rawValue: text) else {
            throw .validation("sort: must be \(ApprovalOrder.allCases.map(\.rawValue).joined(separator: " or ")), or be left out.")
        }
        return order
    }

    // MARK: Responses

    private static let unknown = APIError.notFound("There is no such approval: check the id.")
    private static let badCursor = APIError.validation("cursor: must be the nextCursor of an earlier page; leave it out to begin again.")
    private static let otherAction = APIError.conflict(
        "actionDigest is not that of the approval's action: read the approval again, and decide about or execute exactly what it shows."
    )
    private static let keyReused = APIError.conflict(
        "You used this Idempotency-Key for another approval: use a new key for each request."
    )

    private static func notEligible(_ principal: Principal) -> APIError {
        principal.has(anyOf: deciders)
            ? .forbidden("You belong to no group that may decide this approval: its groups are in the answer to GET.")
            : .forbidden("This needs a token with the role admin, or one that a group of the approval names.")
    }

    private static func response(to outcome: DecisionService.Outcome) throws -> Response {
        switch outcome {
        case .decided(let decision): return try .json(DecisionView(decision))
        case .voted(let vote, let approval): return try .json(VoteView(vote, on: approval))
        case .notFound: throw unknown
        case .notEligible: throw APIError.forbidden("You belong to no group that may decide this approval.")
        case .alreadyResolved(let decision):
            throw APIError.alreadyResolved(
                "This approval is already decided: \(decision.action.rawValue) at \(decision.decidedAt.iso8601)."
            )
        case .alreadyVoted(let vote):
            throw APIError.alreadyVoted(
                "A vote of yours, or in the same place, stands: \(vote.action.rawValue) at \(vote.votedAt.iso8601). A vote cannot be changed."
            )
        case .keyReused: throw keyReused
        case .otherAction: throw otherAction
        case .expired: throw APIError.expired()
        case .selfApproval: throw APIError.selfApproval()
        case .unknownRequester:
            throw APIError.selfApproval(
                "The requester and the approver must differ, and the request does not name its requester: request it again with requestedBy."
            )
        }
    }

    /// The name of an outcome, for metrics and spans.
    private static func label(of outcome: DecisionService.Outcome) -> String {
        switch outcome {
        case .decided: "decided"
        case .voted: "voted"
        case .notFound: "not_found"
        case .notEligible: "forbidden"
        case .alreadyResolved: "already_resolved"
        case .alreadyVoted: "already_voted"
        case .keyReused, .otherAction: "conflict"
        case .expired: "expired"
        case .selfApproval, .unknownRequester: "self_approval"
        }
    }

    private static func count(_ outcome: DecisionService.Outcome, after duration: Duration) {
        Counter(label: "causeway_approval_requests", dimensions: [("outcome", label(of: outcome))]).increment()
        Timer(label: "causeway_approval_decide").record(duration: duration)
    }
}

extension Approval.Request {
    /// Returns the cursor of the page behind this approval.
    fileprivate func cursor(_ order: ApprovalOrder) -> Cursor {
        switch order {
        case .created: event
        case .deadline: Cursor(time: Timestamp(millisecondsSinceEpoch: deadline), epoch: event.epoch, sequence: event.sequence)
        }
    }
}
