import EventModel
import NATSClient

/// An event as a message of the log, both ways.
///
/// The attributes are CloudEvents headers (``NATSBinding``), the body is the payload's own bytes. The log adds two headers: the key by
/// which the server recognises a repetition, and the moment of intake.
enum EventMessage {
    /// Milliseconds since 1970, set by whoever took the event in; without it, the moment at which the server stored the message counts.
    static let intakeHeader = "causeway-intake"
    /// The subjects that events lie under. Executions share the stream, since they share its order, but are read elsewhere.
    static let subjects = ["events.>", "executions.>"]

    /// The headers of an event that goes into the log.
    static func headers(of event: Event, intake: Timestamp) -> NATSHeaders {
        var headers = NATSHeaders()
        headers.append("Nats-Msg-Id", messageID(of: event))
        for (name, value) in NATSBinding.headers(of: event) { headers.append(name, value) }
        headers.append(intakeHeader, String(intake.millisecondsSinceEpoch))
        return headers
    }

    /// The key by which the server recognises a repetition: the tenant and the event's id, each as a subject token, so that no id of
    /// one tenant is ever taken for another's, whatever characters they choose.
    static func messageID(of event: Event) -> String {
        "\(SubjectToken.encode(event.tenant.name)).\(SubjectToken.encode(event.id))"
    }

    /// The entry that a delivered message is.
    ///
    /// - Throws: a ``ValidationError`` when it is no event. Its field says what is wrong, in few words and from a small set.
    static func entry(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) throws(ValidationError) -> LogEntry {
        let storedAt = Timestamp(serverNanoseconds: metadata.timestamp)
        let event = try NATSBinding.event(
            subject: delivery.subject,
            body: delivery.withPayload { [UInt8]($0) },
            fallbackID: String(metadata.streamSequence),
            storedAt: storedAt,
            header: { delivery.header($0) }
        )
        let intake = intakeTime(delivery.header(intakeHeader), storedAt: storedAt)
        return LogEntry(sequence: metadata.streamSequence, intake: intake, event: event)
    }

    /// When a message was taken in: what its header says if that is a time a cursor can carry, else when it was stored.
    static func intakeTime(_ header: String?, storedAt: Timestamp) -> Timestamp {
        guard let header, let milliseconds = Int64(header), (0..<1 << 48).contains(milliseconds) else { return storedAt }
        return Timestamp(millisecondsSinceEpoch: milliseconds)
    }

    /// What all subjects of a tenant's events begin with, and the filter that matches all but the first.
    static func filters(of tenant: Tenant) -> (alone: String, below: String) {
        let alone = "events.\(SubjectToken.encode(tenant.name))"
        return (alone, alone + ".>")
    }

    /// The token of the subject that names the tenant; nil when the message is not of an event.
    static func tenantToken(of subject: UnsafeRawBufferPointer) -> String? {
        guard subject.starts(with: "events.".utf8) else { return nil }
        return String(decoding: subject.dropFirst(7).prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
    }

    /// Whether the message is of an event, right or wrong, and not of an execution.
    static func isOfEvent(_ delivery: borrowing NATSDelivery) -> Bool {
        delivery.withSubject { $0.starts(with: "events.".utf8) }
    }
}
