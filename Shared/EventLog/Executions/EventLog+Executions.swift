public import EventModel
import NATSClient

extension EventLog {
    /// How far the current execution has come; nil when the log knows of none.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is out of reach.
    public func execution(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTail? {
        try await last(of: reference).tail
    }

    /// A piece of the past of something that runs, over all its executions that are kept; otherwise as
    /// ``read(tenant:after:through:maxBytes:)``.
    public func read(
        _ reference: ExecutionReference,
        after: UInt64,
        through: UInt64,
        maxBytes: Int
    ) async throws(EventLogError) -> LogRead {
        try await read(.execution(reference), after: after, through: through, maxBytes: maxBytes)
    }

    /// The sequence of a subject's last message, 0 when there is none, and the last event among its messages.
    func last(of reference: ExecutionReference) async throws(EventLogError) -> (sequence: UInt64, tail: ExecutionTail?) {
        let message: StoredMessage
        do throws(JetStreamError) {
            message = try await jetStream.lastMessage(stream: configuration.streamName, subject: reference.subject)
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return (0, nil)
        }
        if let entry = try? EventMessage.entry(message) { return (message.sequence, ExecutionTail(entry)) }
        // Somebody wrote what is no event there. The last event lies further back.
        var tail: ExecutionTail?
        var position: UInt64 = 0
        while position < message.sequence {
            let piece = try await read(reference, after: position, through: message.sequence, maxBytes: 1 << 20)
            if let last = piece.entries.last { tail = ExecutionTail(last) }
            guard piece.position > position else { break }
            position = piece.position
        }
        return (message.sequence, tail)
    }
}
