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
/// A producer may publish for any tenant and sees any event. An administrator sees what its user may see: an event of its tenant that is for
/// everyone or for this user. Any other event gets the answer to an absent one.
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
        let reader = try Publisher(principal)
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
        case .found(let entry) where reader.maySee(entry.event, as: principal.user):
            return .json(encoded: ByteBuffer(bytes: Self.json(entry, id: id).bytes))
        case .found, .unknown:
            throw APIError.notFound(
                "The log holds no event with this id that your token may see: it never did, or the event is another tenant's or for another user."
            )
        case .removed: throw APIError.gone()
        }
    }

    static func json(_ entry: LogEntry, id: Cursor) -> JSONObject {
        let event = entry.event
        var object: JSONObject = [
            "id": .string(entry.cursor(epoch: id.epoch).text), "eventId": .string(event.id.text), "tenant": .string(event.tenant.text),
            "type": .string(event.type.name),
        ]
        object.append("source", text: event.source?.text)
        if !event.recipients.areEveryone { object.append("recipients", .strings(event.recipients.users.map(\.text))) }
        object.append("timestamp", .string(event.time.iso8601))
        object.append("receivedAt", .string(entry.intake.iso8601))
        object.append("payload", .json(event.payload.bytes))
        return object
    }
}

extension Publisher {
    /// Whether the sender may read a stored event: a producer publishes for any tenant, so it reads of any.
    ///
    /// - Parameter user: the user of its token.
    fileprivate func maySee(_ event: Event, as user: UserID) -> Bool {
        mayNameTenants || event.tenant == home && event.recipients.includes(user)
    }
}
