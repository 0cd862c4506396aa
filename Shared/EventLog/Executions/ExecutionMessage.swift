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

    /// The key by which the server recognises a repetition: more words than the keys of tenant events have, so that neither is ever taken for
    /// the other.
    static func messageID(of eventID: EventID, in reference: ExecutionReference) -> String {
        "\(reference.subject).\(SubjectToken.encode(eventID))"
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
        header: (String) throws(ValidationError) -> String?
    ) throws(ValidationError) -> LogEntry {
        let (event, place) = try ExecutionBinding.event(
            subject: subject,
            body: body,
            fallbackID: EventID(generated: String(sequence)),
            storedAt: storedAt,
            header: header
        )
        let intake = EventMessage.intakeTime(try header(EventMessage.intakeHeader), storedAt: storedAt)
        return LogEntry(sequence: sequence, intake: intake, event: event, execution: place)
    }
}
