public import Basics
public import EventModel
import NATSClient

/// A record of an approval: a request, vote, escalation, decision or consumption, stored once (contract §12).
///
/// A record is an event. The log shows the same event: a request's record is made of it, and the others are announced from theirs.
public struct ApprovalRecord: Sendable {
    /// Its sequence in the stream of records.
    public let sequence: UInt64
    /// The place that it takes.
    public let place: ApprovalPlace
    /// The event.
    public let event: Event
    /// Intake time of the event: the time part of its cursor.
    public let intake: Timestamp
    /// The position of a request in the log; nil for the other records, which are announced later.
    public let request: Cursor?

    /// The request as an entry of the log; nil for other records.
    public var requestEntry: LogEntry? {
        request.map { LogEntry(sequence: $0.sequence, intake: intake, event: event, approvalPlace: place) }
    }
}

/// Encodes and decodes a record as a message: the event's headers and payload (``EventMessage``), and the position of a request.
enum ApprovalRecordMessage {
    /// The cursor of a request's event in the log.
    private static let requestHeader = "causeway-event"

    /// Returns the headers of a record to store.
    static func headers(of event: Event, intake: Timestamp, request: Cursor?) -> NATSHeaders {
        var headers = EventMessage.headers(of: event, intake: intake, messageID: nil)
        if let request { headers.append(requestHeader, request.text) }
        return headers
    }

    /// Decodes a stored record.
    ///
    /// - Throws: a ``ValidationError`` when it is not a record.
    static func record(_ message: StoredMessage) throws(ValidationError) -> ApprovalRecord {
        guard let (tenant, place) = ApprovalPlace.record(subject: message.subject) else {
            throw ValidationError(field: "subject", message: "must be that of an approval's record")
        }
        let storedAt = Timestamp(serverNanoseconds: message.timestamp)
        let fields = try AttributeFields(message.headers)
        let request = message.headers[requestHeader].flatMap { Cursor($0) }
        if case .request = place, request == nil {
            throw ValidationError(field: requestHeader, message: "must be the id of the request's event")
        }
        let event = try NATSBinding.event(
            subject: EventSubject.approval(tenant: tenant, place: place),
            body: message.payload,
            fallbackID: EventID(generated: String(message.sequence)),
            storedAt: storedAt,
            fields
        )
        return ApprovalRecord(
            sequence: message.sequence,
            place: place,
            event: event,
            intake: EventMessage.intakeTime(fields[EventMessage.intakeHeader], storedAt: storedAt),
            request: request
        )
    }
}
