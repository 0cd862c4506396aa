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

/// `GET /v1/events/{id}`: shows a stored event (contract §10).
///
/// A member and an administrator see what streams bring them: an event of their tenant that is for everyone or for their user. A producer, which
/// publishes for any tenant and reads of none, sees of any event what its intake decides by, without the payload. Any other event gets the answer to an
/// absent one.
struct StoredEventRoute: Sendable {
    static let path: RouterPath = "/v1/events/:eventId"
    /// Look-ups of a tenant's tokens per second: each asks the bus.
    static let perSecond = 20.0
    /// Look-ups of a tenant's tokens at once.
    static let burst = 200

    /// Roles that may ask.
    private static let roles = readers.union([.producer])
    /// Roles that see what is for their user.
    fileprivate static let readers: Set<Role> = [.admin, .member]

    private let log: any EventLooking
    private let limiter: TenantRateLimiter
    private let memberLimiter: TenantRateLimiter

    /// - Parameters:
    ///   - limiter: the share of each tenant's administrators and producers.
    ///   - memberLimiter: the share of each tenant's members, so that one of them stops no administrator.
    init(
        log: any EventLooking,
        limiter: TenantRateLimiter = TenantRateLimiter(perSecond: perSecond, burst: burst),
        memberLimiter: TenantRateLimiter = TenantRateLimiter(perSecond: perSecond, burst: burst)
    ) {
        self.log = log
        self.limiter = limiter
        self.memberLimiter = memberLimiter
    }

    /// Registers the route on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.get(Self.path) { _, context in try await respond(context) }
    }

    private func respond(_ context: APIRequestContext) async throws -> Response {
        let principal = try context.requirePrincipal()
        guard principal.has(anyOf: Self.roles) else { throw APIError.missingRole(anyOf: Self.roles) }
        guard let id = context.decodedPathParameter("eventId").flatMap({ Cursor($0) }) else {
            throw APIError.validation("eventId: is not the id of an event: it is evt_ and 26 characters.")
        }
        let verdict = (principal.has(anyOf: [.admin, .producer]) ? limiter : memberLimiter).admit(principal.tenant)
        guard verdict.isAllowed else {
            throw APIError.rateLimited(
                "Your tenant looks up more than \(Int(Self.perSecond)) events per second: wait as many seconds as Retry-After says.",
                retryAfter: verdict.secondsUntilNext
            )
        }
        switch try await log.look(up: id) {
        case .found(let entry) where principal.mayRead(entry.event):
            return .json(encoded: ByteBuffer(bytes: entry.json(epoch: id.epoch, withPayload: true).bytes))
        case .found(let entry) where principal.has(anyOf: [.producer]):
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
    /// Whether it may read a stored event: a member or an administrator of the event's tenant who is among those whom it is for.
    fileprivate func mayRead(_ event: Event) -> Bool {
        has(anyOf: StoredEventRoute.readers) && event.tenant == tenant && event.recipients.includes(user)
    }
}
