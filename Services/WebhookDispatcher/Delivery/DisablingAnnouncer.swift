import Basics
import EventLog
import EventModel
import Webhooks

/// Appends the `webhook.disabled` of an endpoint, exactly once whichever process retries (contract §14). Any thread.
///
/// The record of the disabled endpoint is stored first. The event has an id of endpoint and time, so the log recognises a second append within its
/// duplicate window; after that the tenant's events behind the endpoint's cursor, which does not move any more, are searched. Then the record says that it
/// was announced.
struct DisablingAnnouncer: Sendable {
    private static let source = EventSource(generated: "/causeway/webhook-dispatcher")
    private static let type = EventType(generated: "webhook.disabled")
    /// Less than the log's duplicate window of two minutes, whatever the clocks differ.
    private static let recent: Duration = .seconds(60)
    private static let pieceBytes = 256 * 1024
    private static let patience: Duration = .seconds(10)

    private let log: EventLog
    private let endpoints: EndpointStore
    private let now: @Sendable () -> Timestamp

    init(log: EventLog, endpoints: EndpointStore, now: @escaping @Sendable () -> Timestamp) {
        self.log = log
        self.endpoints = endpoints
        self.now = now
    }

    /// Returns the event.
    static func event(of endpoint: EndpointID, in tenant: Tenant, _ reason: EndpointHealth.Reason, at time: Timestamp)
        throws(ValidationError)
        -> Event
    {
        let payload: JSONObject = [
            "endpointId": .string("\(endpoint)"), "reason": .string(reason.rawValue), "disabledAt": .string(time.iso8601),
        ]
        return Event(
            id: EventID(generated: "disabled_\(endpoint)_\(time.millisecondsSinceEpoch)"),
            tenant: tenant,
            type: type,
            time: time,
            source: source,
            payload: try Payload(validating: payload.bytes)
        )
    }

    /// Announces a disabling that the record has.
    ///
    /// - Parameter cursor: the endpoint's.
    /// - Throws: ``EventLogError``; call it again later.
    func announce(_ endpoint: EndpointID, of tenant: Tenant, _ reason: EndpointHealth.Reason, at time: Timestamp, cursor: Cursor)
        async throws
    {
        let event = try Self.event(of: endpoint, in: tenant, reason, at: time)
        let isRecent = now() < time.advanced(by: Self.recent)
        var isThere = false
        if !isRecent { isThere = try await holds(event, behind: cursor) }
        if !isThere {
            do throws(EventLogError) {
                _ = try await log.append(event, intake: now(), timeout: Self.patience)
            } catch {
                // The tenant has published another event with this id itself.
                guard error.code == .conflict else { throw error }
            }
        }
        _ = try await endpoints.update(endpoint, of: tenant, within: Self.patience) { endpoint in
            guard case .disabled(_, at: time) = endpoint.state else { return }
            endpoint.announcedAt = time
        }
    }

    private func holds(_ event: Event, behind cursor: Cursor) async throws(EventLogError) -> Bool {
        let bounds = try await log.bounds()
        var place = cursor.epoch == bounds.epoch ? min(cursor.sequence, bounds.lastSequence) : 0
        while place < bounds.lastSequence {
            let read = try await log.read(.events(of: event.tenant), after: place, through: bounds.lastSequence, maxBytes: Self.pieceBytes)
            if read.entries.contains(where: { $0.event.identity == event.identity }) { return true }
            guard read.position > place else { return false }
            place = read.position
        }
        return false
    }
}
