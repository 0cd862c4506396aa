import Basics
import EventModel
import NATSClient

/// Encodes and decodes an execution event as a message of the log (``ExecutionBinding``).
enum ExecutionMessage {
    private static let prefix = "executions."

    /// Returns the headers of an event to append.
    ///
    /// - Parameter messageID: The deduplication key.
    static func headers(of event: Event, at place: ExecutionPlace, intake: Timestamp, messageID: String) -> NATSHeaders {
        var headers = EventMessage.headers(of: event, intake: intake, messageID: messageID)
        for (name, value) in ExecutionBinding.headers(of: place) { headers.append(name, value) }
        return headers
    }

    /// Returns whether a subject is an execution's; the message may be malformed.
    static func isOfExecution(_ subject: UnsafeRawBufferPointer) -> Bool { subject.starts(with: prefix.utf8) }

    /// Returns whether a subject is an execution's; the message may be malformed.
    static func isOfExecution(_ subject: String) -> Bool { subject.hasPrefix(prefix) }

    /// Decodes a message.
    ///
    /// - Throws: a ``ValidationError`` when it is not an execution event.
    static func entry(
        subject: String,
        sequence: UInt64,
        storedAt: Timestamp,
        body: [UInt8],
        _ fields: AttributeFields
    ) throws(ValidationError) -> LogEntry {
        let (event, place) = try ExecutionBinding.event(
            subject: subject,
            body: body,
            fallbackID: EventID(generated: String(sequence)),
            storedAt: storedAt,
            fields
        )
        let intake = EventMessage.intakeTime(fields[EventMessage.intakeHeader], storedAt: storedAt)
        return LogEntry(sequence: sequence, intake: intake, event: event, execution: place)
    }
}
