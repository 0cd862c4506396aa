import AccessControl
import Basics
import EventLog
import HTTPAPI
import Hummingbird
import Logging
import Metrics
import ServiceKit

/// `POST /v1/tickets`: issues a ticket, which opens one stream in place of the caller's token (contract §13).
struct TicketRoutes: Sendable {
    private static let path: RouterPath = "/v1/tickets"

    let backend: ApprovalBackend
    let now: @Sendable () -> Timestamp
    private let shares = TenantByteShares.ofTickets()
    private let issued = Counter(label: "causeway_tickets_issued")

    init(backend: ApprovalBackend, now: @escaping @Sendable () -> Timestamp) {
        self.backend = backend
        self.now = now
    }

    /// Registers the route on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(Self.path) { request, context in try await self.issue(request, context) }
    }

    private func issue(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        try await request.readNothing()
        let parts = try backend.parts()
        let draft = try TicketStream.Draft(for: principal, at: now().millisecondsSinceEpoch)
        if let seconds = shares.take(draft.storedBytes, of: principal.tenant) {
            throw APIError.rateLimited(
                "Your tenant has requested too many tickets for tokens of this size. Retry in \(seconds) s.",
                retryAfter: seconds
            )
        }
        do {
            try await parts.tickets.store(draft, within: parts.timeout)
        } catch let error as EventLogError {
            context.logger.warning("a ticket was not stored", metadata: [LogKey.error: "\(error)"])
            throw Unavailable.because(error)
        }
        issued.increment()
        return try .json(TicketView(draft), status: .created, headers: [.cacheControl: "no-store"])
    }
}

/// The JSON of a new ticket (contract §13).
private struct TicketView: Encodable, Sendable {
    let ticket: String
    let expiresAt: String

    init(_ draft: TicketStream.Draft) {
        ticket = draft.ticket.text
        expiresAt = Timestamp(millisecondsSinceEpoch: draft.expiresAt).iso8601
    }
}
