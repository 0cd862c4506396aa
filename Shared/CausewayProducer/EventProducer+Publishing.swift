public import Basics
public import EventModel

extension EventProducer {
    /// Publishes an event to everyone in a tenant.
    ///
    /// - Parameters:
    ///   - type: The event type: lower-case words joined by dots (contract §2).
    ///   - tenant: The tenant.
    ///   - payload: Encodes to a JSON object without members called `type` or `timestamp`. Dates become ISO 8601.
    ///   - id: Deduplication key; nil generates one, so that every call is a new event.
    ///   - time: When it happened; nil for now.
    ///   - source: The CloudEvents `source`.
    ///   - timeout: How long to retry; nil for ``ProducerConfiguration/timeout``.
    /// - Throws: ``ProducerError/Code/invalidEvent`` with the faulty field, before anything is sent; the errors of
    ///   ``publish(_:timeout:)``.
    @discardableResult
    public nonisolated(nonsending) func publish(
        _ type: String,
        tenant: String,
        payload: some Encodable,
        id: String? = nil,
        time: Timestamp? = nil,
        source: String? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedEvent {
        let payload = try PayloadEncoding.payload(of: payload)
        return try await publish(type, tenant: tenant, user: nil, payload, id: id, time: time, source: source, timeout: timeout)
    }

    /// Publishes an event with a JSON payload; its bytes reach the readers unchanged. Otherwise like the other `publish`.
    @discardableResult
    public func publish(
        _ type: String,
        tenant: String,
        payload: Payload,
        id: String? = nil,
        time: Timestamp? = nil,
        source: String? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedEvent {
        try await publish(type, tenant: tenant, user: nil, payload, id: id, time: time, source: source, timeout: timeout)
    }

    /// Publishes an event to the connections of one user of a tenant only.
    ///
    /// - Parameters:
    ///   - user: The recipient: the claim `sub` of the user's tokens.
    ///   - type: The event type, usually `notification.created`.
    ///   - tenant: the user's tenant.
    ///   - payload: This and the rest as for `publish`.
    @discardableResult
    public nonisolated(nonsending) func publishUser(
        _ type: String,
        tenant: String,
        user: String,
        payload: some Encodable,
        id: String? = nil,
        time: Timestamp? = nil,
        source: String? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedEvent {
        let payload = try PayloadEncoding.payload(of: payload)
        return try await publish(type, tenant: tenant, user: user, payload, id: id, time: time, source: source, timeout: timeout)
    }

    /// Publishes an event with a JSON payload to one user. Otherwise like the other `publishUser`.
    @discardableResult
    public func publishUser(
        _ type: String,
        tenant: String,
        user: String,
        payload: Payload,
        id: String? = nil,
        time: Timestamp? = nil,
        source: String? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedEvent {
        try await publish(type, tenant: tenant, user: user, payload, id: id, time: time, source: source, timeout: timeout)
    }

    private func publish(
        _ type: String,
        tenant: String,
        user: String?,
        _ payload: Payload,
        id: String?,
        time: Timestamp?,
        source: String?,
        timeout: Duration?
    ) async throws(ProducerError) -> PublishedEvent {
        let draft: EventDraft
        let place: Tenant
        do throws(ValidationError) {
            place = try Tenant(tenant)
            draft = try EventDraft(
                type: EventType(type),
                payload: payload,
                user: user.map { text throws(ValidationError) in try UserID(text) },
                id: id.map { text throws(ValidationError) in try EventID(text) },
                time: time,
                source: source.map { text throws(ValidationError) in try EventSource(text) }
            )
        } catch {
            throw ProducerError(error)
        }
        return try await publish(draft, tenant: place, timeout: timeout)
    }
}
