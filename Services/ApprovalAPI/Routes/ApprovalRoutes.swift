import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import HTTPTypes
import Hummingbird
import Logging
import Metrics

/// `/v1/notifications/approvals`: lists, shows and decides approvals (contract §7).
struct ApprovalRoutes: Sendable {
    private static let list: RouterPath = "/v1/notifications/approvals"
    private static let one: RouterPath = "/v1/notifications/approvals/:approvalId"
    /// Roles that may decide.
    private static let deciders: Set<Role> = [.admin]
    /// Roles that may read.
    private static let readers: Set<Role> = [.admin, .member]

    let backend: ApprovalBackend

    /// Registers the routes on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(Self.one) { request, context in try await self.decide(request, context) }
        routes.get(Self.one) { request, context in try await self.show(context) }
        routes.get(Self.list) { request, context in try await self.list(request, context) }
    }

    private func decide(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.deciders)
        let form = try await DecisionRequest.of(request)
        let key = try IdempotencyKey(request.headers)
        let approvalID = try Self.approvalID(context)
        let start = ContinuousClock.now
        let outcome = try await backend.parts().decisions.decide(
            DecisionService.Request(
                approvalID: approvalID,
                action: form.action,
                reason: form.reason,
                idempotencyKey: key,
                traceparent: context.trace?.text
            ),
            by: Viewer(principal)
        )
        Self.count(outcome, after: ContinuousClock.now - start)
        if case .decided(let decision) = outcome {
            decision.log(tenant: principal.tenant, to: context.logger)
        }
        return try Self.response(to: outcome)
    }

    private func show(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.readers)
        let approvalID = try Self.approvalID(context)
        guard let found = try await backend.parts().decisions.find(approvalID, for: Viewer(principal)) else { throw Self.unknown }
        return try .json(ApprovalView(found.approval, epoch: found.epoch))
    }

    private func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requireRole(anyOf: Self.readers)
        let query = try QueryParameters(of: request)
        let limit = try query.pageLimit()
        let status = try query.value("status").map(Self.status)
        let cursor = try query.value("cursor").map { text throws(APIError) in
            guard let cursor = Cursor(text) else { throw Self.badCursor }
            return cursor
        }
        let bounds = try await backend.parts().barrier.ofLog()
        if let cursor, !bounds.hasReached(cursor) { throw Self.badCursor }
        let found = try await backend.model.approvals(
            for: Viewer(principal),
            status: status,
            before: cursor?.sequence,
            limit: limit + 1
        )
        var list = ListBody()
        try list.append(found.prefix(limit).lazy.map { ApprovalView($0, epoch: bounds.epoch) })
        let next = found.count > list.count ? found[list.count - 1].request.place.eventID(epoch: bounds.epoch) : nil
        return try list.response(nextCursor: next)
    }

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

    // MARK: Responses

    private static let unknown = APIError.notFound("There is no such approval: check the id.")
    private static let badCursor = APIError.validation("cursor: must be the nextCursor of an earlier page; leave it out to begin again.")

    private static func response(to outcome: DecisionService.Outcome) throws -> Response {
        switch outcome {
        case .decided(let decision): return try .json(DecisionView(decision))
        case .notFound: throw unknown
        case .alreadyResolved(let decision):
            throw APIError.alreadyResolved(
                "This approval is already decided: \(decision.action.rawValue) at \(decision.decidedAt.iso8601)."
            )
        case .keyReused:
            throw APIError.conflict("You decided another approval under this Idempotency-Key: use a new key for each request.")
        case .expired: throw APIError.expired()
        case .selfApproval: throw APIError.selfApproval()
        case .unknownRequester:
            throw APIError.selfApproval(
                "The requester and the approver must differ, and the request does not name its requester: request it again with requestedBy."
            )
        }
    }

    private static func count(_ outcome: DecisionService.Outcome, after duration: Duration) {
        let name =
            switch outcome {
            case .decided: "decided"
            case .notFound: "not_found"
            case .alreadyResolved: "already_resolved"
            case .keyReused: "conflict"
            case .expired: "expired"
            case .selfApproval, .unknownRequester: "self_approval"
            }
        Counter(label: "causeway_approval_requests", dimensions: [("outcome", name)]).increment()
        Timer(label: "causeway_approval_decide").record(duration: duration)
    }
}
