public import EventModel

/// What the log holds at an event's id.
public enum EventLookUp: Sendable {
    /// The event.
    case found(LogEntry)
    /// The log's retention has removed everything up to the id's sequence.
    case removed
    /// No event has this id: it is of another log, of a later sequence, or something else is there.
    case unknown
}

extension EventLog {
    /// Looks up a tenant's event by its id (contract §3). Asks the stream's leader. The event of an execution is unknown: its id is
    /// a number (contract §9).
    ///
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func event(at cursor: Cursor) async throws(EventLogError) -> EventLookUp {
        // Sequences begin at 1; the server refuses a request for 0.
        guard cursor.sequence > 0 else { return .unknown }
        let entry = try await storedEvent(at: cursor.sequence)
        // After the read: an event that was not there because it left the log is below these bounds.
        let bounds = try await bounds()
        guard bounds.epoch == cursor.epoch else { return .unknown }
        if let entry { return entry.execution == nil && cursor.agrees(with: entry.intake) ? .found(entry) : .unknown }
        return cursor.sequence < bounds.firstSequence ? .removed : .unknown
    }
}
