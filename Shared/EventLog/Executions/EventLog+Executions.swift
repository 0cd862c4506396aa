public import EventModel
import NATSClient

extension EventLog {
    /// How far the current execution has come; nil when the log knows of none.
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is out of reach.
    public func execution(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTail? {
        try await last(of: reference).tail
    }

    /// The last message and the last event of a subject. What the log dropped behind them is not looked at.
    func last(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionLast {
        let message: StoredMessage
        do throws(JetStreamError) {
            message = try await jetStream.lastMessage(stream: configuration.streamName, subject: reference.subject)
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return try await lastBehindDeletion(of: reference)
        }
        if let entry = try? EventMessage.entry(message), let tail = ExecutionTail(entry) {
            return ExecutionLast(sequence: message.sequence, tail: tail, place: message.sequence)
        }
        // Somebody wrote what is no event there. The last event lies further back.
        return try await lastEvent(of: reference, after: 0, through: message.sequence, expecting: message.sequence)
    }

    /// The last event of a subject of which nats-server says that it has no last message.
    ///
    /// That need not be so where messages were deleted: after the deletion of a subject's last message, nats-server 2.9 knows no last one
    /// until the next is stored, and takes 0 for it in a compare-and-set. The search costs the server a walk over the log, so a log without
    /// deletions is believed.
    private func lastBehindDeletion(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionLast {
        let none = ExecutionLast(sequence: 0, tail: nil, place: 0)
        let retention = try await retention()
        guard retention.deleted.count > 0 else { return none }
        let first: StoredMessage
        do throws(JetStreamError) {
            first = try await jetStream.nextMessage(stream: configuration.streamName, from: 1, matching: reference.subject)
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return none
        }
        return try await lastEvent(
            of: reference,
            after: max(first.sequence, 1) - 1,
            through: max(first.sequence, retention.lastSequence),
            expecting: 0
        )
    }

    private func lastEvent(
        of reference: ExecutionReference,
        after start: UInt64,
        through end: UInt64,
        expecting sequence: UInt64
    ) async throws(EventLogError) -> ExecutionLast {
        var last = ExecutionLast(sequence: sequence, tail: nil, place: 0)
        var position = start
        while position < end {
            let piece = try await read(.execution(reference), after: position, through: end, maxBytes: 1 << 20)
            if let entry = piece.entries.last { (last.tail, last.place) = (ExecutionTail(entry), entry.sequence) }
            guard piece.position > position else { break }
            position = piece.position
        }
        return last
    }
}
