import Basics
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
    ///
    /// - Parameter messageID: the key by which the server recognises a repetition; nil for none.
    static func headers(of event: Event, intake: Timestamp, messageID: String?) -> NATSHeaders {
        var headers = NATSHeaders()
        var event = event
        // By this a duplicate's content can be compared: see Event.hasSameContent(as:takenInAt:).
        if event.assigned.contains(.time) { event.time = intake }
        if let messageID { headers.append("Nats-Msg-Id", messageID) }
        for (name, value) in NATSBinding.headers(of: event) { headers.append(name, value) }
        headers.append(intakeHeader, String(intake.millisecondsSinceEpoch))
        return headers
    }

    /// A tenant's event as it is sent.
    ///
    /// The request for an approval goes to the approval's own place, which takes one: the server refuses a second request under the same id,
    /// whoever sends it, unless it knows the message's id.
    static func outgoing(_ event: Event, intake: Timestamp) -> OutgoingMessage {
        var headers = headers(of: event, intake: intake, messageID: MessageID.event(event.identity))
        let place = requestPlace(of: event)
        if place != nil { headers.append("Nats-Expected-Last-Subject-Sequence", "0") }
        return OutgoingMessage(
            subject: place ?? EventSubject.event(tenant: event.tenant, type: event.type),
            headers: headers,
            payload: event.payload.bytes
        )
    }

    /// The subject that takes the one request of an approval; nil for an event that asks for none.
    static func requestPlace(of event: Event) -> String? {
        EventCatalogue.requestedApproval(event).map { EventSubject.decision(tenant: event.tenant, place: .request(approvalID: $0)) }
    }

    /// The entry that a delivered message is.
    ///
    /// - Throws: a ``ValidationError`` when it is no event. Its field says what is wrong, in few words and from a small set.
    static func entry(_ delivery: borrowing NATSDelivery, _ metadata: DeliveryMetadata) throws(ValidationError) -> LogEntry {
        let storedAt = Timestamp(serverNanoseconds: metadata.timestamp)
        var fields = AttributeFields()
        try delivery.withEachHeader { name, value throws(ValidationError) in try fields.add(name: name, value: value) }
        if delivery.withSubject({ ExecutionMessage.isOfExecution($0) }) {
            return try ExecutionMessage.entry(
                subject: delivery.subject,
                sequence: metadata.streamSequence,
                storedAt: storedAt,
                body: delivery.withPayload { [UInt8]($0) },
                fields
            )
        }
        let event = try NATSBinding.event(
            subject: delivery.subject,
            body: delivery.withPayload { [UInt8]($0) },
            fallbackID: EventID(generated: String(metadata.streamSequence)),
            storedAt: storedAt,
            fields
        )
        let intake = intakeTime(fields[intakeHeader], storedAt: storedAt)
        let place = isOfKind(delivery) ? try EventSubject(delivery.subject).decisionPlace : nil
        return LogEntry(sequence: metadata.streamSequence, intake: intake, event: event, decisionPlace: place)
    }

    /// The entry that a stored message is.
    ///
    /// - Throws: a ``ValidationError`` when it is no event.
    static func entry(_ message: StoredMessage) throws(ValidationError) -> LogEntry {
        let storedAt = Timestamp(serverNanoseconds: message.timestamp)
        let fields = try AttributeFields(message.headers)
        if ExecutionMessage.isOfExecution(message.subject) {
            return try ExecutionMessage.entry(
                subject: message.subject,
                sequence: message.sequence,
                storedAt: storedAt,
                body: message.payload,
                fields
            )
        }
        let event = try NATSBinding.event(
            subject: message.subject,
            body: message.payload,
            fallbackID: EventID(generated: String(message.sequence)),
            storedAt: storedAt,
            fields
        )
        return LogEntry(
            sequence: message.sequence,
            intake: intakeTime(fields[intakeHeader], storedAt: storedAt),
            event: event,
            decisionPlace: try EventSubject(message.subject).decisionPlace
        )
    }

    /// When a stored message was taken in.
    static func intakeTime(of message: StoredMessage) -> Timestamp {
        intakeTime(message.headers[intakeHeader], storedAt: Timestamp(serverNanoseconds: message.timestamp))
    }

    /// When a message was taken in: what its header says if that is a time a cursor can carry, else when it was stored.
    static func intakeTime(_ header: String?, storedAt: Timestamp) -> Timestamp {
        guard let header, let milliseconds = Int64(header), (0..<1 << 48).contains(milliseconds) else { return storedAt }
        return Timestamp(millisecondsSinceEpoch: milliseconds)
    }

    /// What all subjects of a tenant's events begin with, and the filter that matches all but the first.
    static func filters(of tenant: Tenant) -> (alone: String, below: String) {
        let alone = "events.\(SubjectToken.encode(tenant))"
        return (alone, alone + ".>")
    }

    /// The token of the subject that names the tenant; nil when the message is not of an event.
    static func tenantToken(of subject: UnsafeRawBufferPointer) -> String? {
        guard subject.starts(with: "events.".utf8) else { return nil }
        return String(decoding: subject.dropFirst(7).prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
    }

    /// Whether the token behind the tenant begins with an upper-case letter: one look, since almost no message's does.
    private static func isOfKind(_ delivery: borrowing NATSDelivery) -> Bool {
        delivery.withSubject { subject in
            let tail = subject.dropFirst(7).drop { $0 != UInt8(ascii: ".") }.dropFirst()
            return tail.first.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ?? false
        }
    }

    /// Whether the message is of an event, right or wrong, and not of an execution.
    static func isOfEvent(_ delivery: borrowing NATSDelivery) -> Bool {
        delivery.withSubject { $0.starts(with: "events.".utf8) }
    }
}

extension AttributeFields {
    /// The headers of a message that say something about an event.
    init(_ headers: NATSHeaders) throws(ValidationError) {
        self.init()
        for field in headers.fields {
            // Bytes that were replaced are replaced by a byte that is never UTF-8, so that they are judged where all are.
            if field.isUTF8 {
                try add(name: field.name.utf8, value: field.value.utf8)
            } else {
                try add(name: field.name.utf8, value: [0xFF])
            }
        }
    }
}

extension StoredMessage {
    /// A message that a pull consumer delivered.
    init(_ pulled: JetStreamMessage) {
        self.init(
            subject: pulled.message.subject,
            sequence: pulled.metadata.streamSequence,
            timestamp: pulled.metadata.timestamp,
            headers: pulled.message.headers,
            payload: pulled.message.payload
        )
    }
}
