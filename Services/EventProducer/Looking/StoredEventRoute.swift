import AccessControl
import Basics
import CausewayProducer
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import NIOCore
import ServiceKit

/// Looks up events by id.
protocol EventLooking: Sendable {
    /// Returns what the log holds at an event's id.
    ///
    /// - Throws: ``APIError``, `service_unavailable` when the log is out of reach.
    func look(up id: Cursor) async throws(APIError) -> EventLookUp
}

extension EventProducer: EventLooking {
    /// Waits for the log as long as a request may take, while it is not open yet.
    func look(up id: Cursor) async throws(APIError) -> EventLookUp {
        let log: EventLog
        do throws(ProducerError) {
            log = try await ready()
        } catch {
            throw .serviceUnavailable("The event log is out of reach: repeat the request.", retryAfter: 1)
        }
        do throws(EventLogError) {
            return try await log.event(at: id)
        } catch {
            throw APIError(error)
        }
    }
}

/// `GET /v1/events/{id}`: shows a stored event to producers and administrators (contract §10).
///
/// An administrator sees what its user may see: an event of its tenant that is for everyone or for this user. A producer, which publishes for any
/// tenant and reads of none, sees of any event what its intake decides by, without the payload. Any other event gets the answer to an absent one.
struct StoredEventRoute: Sendable {
    static let path: RouterPath = "/v1/events/:eventId"
    /// Look-ups of a tenant's tokens per second: each asks the bus.
    static let perSecond = 20.0
    /// Look-ups of a tenant's tokens at once.
    static let burst = 200

    private let log: any EventLooking
    private let limiter: TenantRateLimiter

    /// - Parameter limiter: the share of each tenant.
    init(log: any EventLooking, limiter: TenantRateLimiter = TenantRateLimiter(perSecond: perSecond, burst: burst)) {
        self.log = log
        self.limiter = limiter
    }

    /// Registers the route on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.get(Self.path) { _, context in try await respond(context) }
    }

    private func respond(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        let publisher = try Publisher(principal)
        guard let id = context.decodedPathParameter("eventId").flatMap({ Cursor($0) }) else {
            throw APIError.validation("eventId: is not the id of an event: it is evt_ and 26 characters.")
        }
        let verdict = limiter.admit(principal.tenant)
        guard verdict.isAllowed else {
            throw APIError.rateLimited(
                "Your tenant looks up more than \(Int(Self.perSecond)) events per second: wait as many seconds as Retry-After says.",
                retryAfter: verdict.secondsUntilNext
            )
        }
        switch try await log.look(up: id) {
        case .found(let entry) where principal.mayRead(entry.event):
            return .json(encoded: ByteBuffer(bytes: entry.json(epoch: id.epoch, withPayload: true).bytes))
        case .found(let entry) where publisher.mayNameTenants:
            return .json(encoded: ByteBuffer(bytes: entry.json(epoch: id.epoch, withPayload: false).bytes))
        case .found, .unknown:
            throw APIError.notFound(
                "The log holds no event with this id that your token may see: it never did, or the event is another tenant's or for another user."
            )
        case .removed: throw APIError.gone()
        }
    }
}

extension Principal {
    /// Whether it may read a stored event: an administrator of the event's tenant who is among those whom it is for.
    fileprivate func mayRead(_ event: Event) -> Bool {
        has(anyOf: [.admin]) && event.tenant == tenant && event.recipients.includes(user)
    }
}
