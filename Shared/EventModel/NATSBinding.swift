public import Basics

/// Encodes events as NATS messages: CloudEvents binary mode, attributes in `ce-` headers and the payload as the body, so that any NATS
/// client in any language can be a producer (contract §10).
public enum NATSBinding {
    /// Returns the event's attributes as headers; the values are encoded, so they cannot inject headers.
    ///
    /// The tenant is in the subject. The log adds `Nats-Msg-Id` and the time of intake.
    ///
    /// - Parameter time: the event's time; nil for ``Event/time``.
    public static func headers(of event: Event, time: Timestamp? = nil) -> [(name: String, value: String)] {
        var headers: [(name: String, value: String)] = []
        headers.reserveCapacity(8)
        headers.append(("ce-specversion", "1.0"))
        headers.append(("ce-id", CloudEventHeaders.encode(event.id.text)))
        headers.append(("ce-type", event.type.name))
        headers.append(("ce-time", (time ?? event.time).iso8601))
        if let source = event.source { headers.append(("ce-source", CloudEventHeaders.encode(source.text))) }
        if let user = event.user { headers.append(("ce-userid", CloudEventHeaders.encode(user.text))) }
        // Those of a request are in its payload.
        if !event.recipients.others.isEmpty, event.type != EventCatalogue.approvalRequest {
            headers.append((Recipients.header, event.recipients.encodedOthers))
        }
        if let traceparent = event.traceparent { headers.append(("traceparent", CloudEventHeaders.encode(traceparent))) }
        return headers
    }

    /// Decodes a message into an event.
    ///
    /// Every attribute is optional, so that a plain publish of JSON on `events.<tenant>.<type>` is an event. Present attributes must be
    /// valid: a typo must not send an event for a single user to everyone.
    ///
    /// - Parameters:
    ///   - subject: the message's subject; see ``EventSubject``.
    ///   - body: the payload.
    ///   - fallbackID: the id of the event when `ce-id` is missing.
    ///   - storedAt: the time of the event when `ce-time` is missing.
    ///   - fields: the message's headers.
    package static func event(
        subject: String,
        body: [UInt8],
        fallbackID: @autoclosure () -> EventID,
        storedAt: @autoclosure () -> Timestamp,
        _ fields: AttributeFields
    ) throws(ValidationError) -> Event {
        let place = try EventSubject(subject)
        var raw = try CloudEventHeaders.rawEvent(fields)
        if let named = place.type {
            guard raw.type == nil || raw.type == named.name else {
                throw ValidationError(field: "ce-type", message: "must be \(named.name), as the subject says, or be left out")
            }
            raw.type = named.name
        }
        guard try RawEvent.identifier(raw.tenant, EventFieldNames.headers.tenant) ?? place.tenant == place.tenant else {
            throw ValidationError(field: "ce-tenant", message: "must be the tenant of the subject, or be left out")
        }
        raw.tenant = nil
        raw.payload = try Payload(validating: body, field: EventFieldNames.headers.payload)
        var event = try raw.draft(.headers).resolve(tenant: place.tenant, id: fallbackID(), time: storedAt())
        event.assigned = []
        if let others = fields[Recipients.header] {
            event.recipients = try Recipients(event.user, encodedOthers: others, type: event.type)
        }
        return event
    }
}
