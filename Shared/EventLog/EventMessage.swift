import Basics
import EventModel
import NATSClient

/// Encodes and decodes an event as a message of the log.
///
/// Attributes are CloudEvents headers (``NATSBinding``), the body is the payload's bytes. The log adds two headers: the deduplication key and
/// the intake time.
enum EventMessage {
    /// Intake time in milliseconds since 1970; without it, the server's storage time counts.
    static let intakeHeader = "causeway-intake"
    /// The log's subjects. Executions share the stream and its order, but have separate readers.
    static let subjects = ["events.>", "executions.>"]

    /// Returns the headers of an event to append.
    ///
    /// - Parameter messageID: The deduplication key; nil for none.
    static func headers(of event: Event, intake: Timestamp, messageID: String?) -> NATSHeaders {
        // Needed to compare a duplicate's content: see Event.hasSameContent(as:takenInAt:).
        let attributes = NATSBinding.headers(of: event, time: event.assigned.contains(.time) ? intake : event.time)
        var headers = NATSHeaders()
        // With those of the log and of an approval request.
        headers.reserveCapacity(attributes.count + 3)
        if let messageID { headers.append("Nats-Msg-Id", messageID) }
        for (name, value) in attributes { headers.append(name, value) }
        headers.append(intakeHeader, String(intake.millisecondsSinceEpoch))
        return headers
    }

    /// Encodes a tenant's event.
    ///
    /// An approval request goes to the approval's subject, which takes one message (create-once): the server rejects a second request with the
    /// same id, from any publisher, unless it knows the message's id.
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

    /// Returns the create-once subject of an approval request; nil for other events.
    static func requestPlace(of event: Event) -> String? {
        EventCatalogue.requestedApproval(event).map { EventSubject.approval(tenant: event.tenant, place: .request(approvalID: $0)) }
    }

    /// Decodes a delivered message.
    ///
    /// - Throws: a ``ValidationError`` when it is not an event. Its field names the fault, from a small set of values.
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
        let place = isOfKind(delivery) ? try EventSubject(delivery.subject).approvalPlace : nil
        return LogEntry(sequence: metadata.streamSequence, intake: intake, event: event, approvalPlace: place)
    }

    /// Decodes a stored message.
    ///
    /// - Throws: a ``ValidationError`` when it is not an event.
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
            approvalPlace: try EventSubject(message.subject).approvalPlace
        )
    }

    /// Returns the intake time of a stored message.
    static func intakeTime(of message: StoredMessage) -> Timestamp {
        intakeTime(message.headers[intakeHeader], storedAt: Timestamp(serverNanoseconds: message.timestamp))
    }

    /// Returns the intake time: the header's value if a cursor can carry it, else the storage time.
    static func intakeTime(_ header: String?, storedAt: Timestamp) -> Timestamp {
        guard let header, let milliseconds = Int64(header), (0..<1 << 48).contains(milliseconds) else { return storedAt }
        return Timestamp(millisecondsSinceEpoch: milliseconds)
    }

    /// The filters for a tenant's events: the tenant's bare subject, and everything below it.
    static func filters(of tenant: Tenant) -> (alone: String, below: String) {
        let alone = "events.\(SubjectToken.encode(tenant))"
        return (alone, alone + ".>")
    }

    /// Returns the subject's tenant token; nil when the message is not an event.
    static func tenantToken(of subject: UnsafeRawBufferPointer) -> String? {
        guard subject.starts(with: "events.".utf8) else { return nil }
        return String(decoding: subject.dropFirst(7).prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
    }

    /// Whether the token after the tenant begins with an upper-case letter: a cheap test that almost no message passes.
    private static func isOfKind(_ delivery: borrowing NATSDelivery) -> Bool {
        delivery.withSubject { subject in
            let tail = subject.dropFirst(7).drop { $0 != UInt8(ascii: ".") }.dropFirst()
            return tail.first.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ?? false
        }
    }

    /// Returns whether the message is on a tenant's event subject, valid or not.
    static func isOfEvent(_ delivery: borrowing NATSDelivery) -> Bool {
        delivery.withSubject { $0.starts(with: "events.".utf8) }
    }
}

extension AttributeFields {
    /// Collects the headers that describe an event.
    init(_ headers: NATSHeaders) throws(ValidationError) {
        self.init()
        for field in headers.fields { try add(name: field.name, value: field.isUTF8 ? field.value : nil) }
    }
}

extension StoredMessage {
    /// Creates a stored message from a pull consumer's delivery.
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
