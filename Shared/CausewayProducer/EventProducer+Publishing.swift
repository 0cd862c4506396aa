public import Basics
public import EventModel

extension EventProducer {
    /// Publishes an event to everybody in a tenant.
    ///
    /// - Parameters:
    ///   - type: what happened: lower-case words joined by dots (contract §2).
    ///   - tenant: whose event it is.
    ///   - payload: what there is to say; encodes to a JSON object without members called `type` or `timestamp`. Dates become ISO 8601.
    ///   - id: by which a repetition is recognised; nil makes a new one, and every call a new event.
    ///   - time: when it happened; nil for now.
    ///   - source: what it comes from, a CloudEvents `source`.
    ///   - timeout: how long to try; nil for ``ProducerConfiguration/timeout``.
    /// - Throws: ``ProducerError/Code/invalidEvent`` with the field that is at fault, before anything is sent; else what
    ///   ``publish(_:timeout:)`` throws.
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

    /// Publishes an event whose payload is JSON already; its bytes reach the readers unchanged. Otherwise like the other `publish`.
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

    /// Publishes an event to the connections of one user of a tenant, and to nobody else.
    ///
    /// - Parameters:
    ///   - user: the one it is for: what the user's tokens say in the claim `sub`.
    ///   - type: what happened; `notification.created` is the usual one.
    ///   - tenant: the user's tenant.
    ///   - payload: as for `publish`, and so are the rest.
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

    /// Publishes an event to one user, with a payload that is JSON already. Otherwise like the other `publishUser`.
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
