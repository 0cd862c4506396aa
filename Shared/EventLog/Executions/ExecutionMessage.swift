import Basics
import EventModel
import NATSClient

/// An event of an execution as a message of the log, both ways (``ExecutionBinding``).
enum ExecutionMessage {
    private static let prefix = "executions."

    /// The headers of an event that goes into the log.
    ///
    /// - Parameter messageID: the key by which the server recognises a repetition.
    static func headers(of event: Event, at place: ExecutionPlace, intake: Timestamp, messageID: String) -> NATSHeaders {
        var headers = EventMessage.headers(of: event, intake: intake, messageID: messageID)
        for (name, value) in ExecutionBinding.headers(of: place) { headers.append(name, value) }
        return headers
    }

    /// Whether a message is of an execution, right or wrong.
    static func isOfExecution(_ subject: UnsafeRawBufferPointer) -> Bool { subject.starts(with: prefix.utf8) }

    /// Whether a message is of an execution, right or wrong.
    static func isOfExecution(_ subject: String) -> Bool { subject.hasPrefix(prefix) }

    /// The entry that a message is.
    ///
    /// - Throws: a ``ValidationError`` when it is no event of an execution.
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
