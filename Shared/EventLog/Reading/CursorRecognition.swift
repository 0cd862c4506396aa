public import Basics
public import EventModel

/// What the message at a cursor's sequence says about the cursor (contract §3: a log that was restored from an older copy and written since has other
/// messages at the same sequences).
public enum CursorRecognition: Sendable, Hashable {
    /// The cursor is of the tenant's event at that sequence.
    case own
    /// The cursor is valid for a message that is not an event of the tenant; or the sequence is absent, and nothing can be compared.
    case foreign
    /// The cursor is of another log, beyond the end of this one, or has another time than the message: it is of another history of the log.
    case different
}

/// Looks up single places of the log.
public protocol LogPlaces: Sendable {
    /// The content of a position in the log.
    func content(at sequence: UInt64) async throws(EventLogError) -> LogPlaceContent
    /// The cursor of the tenant's first message after a position; nil without one.
    func firstCursor(of tenant: Tenant, after sequence: UInt64) async throws(EventLogError) -> Cursor?
}

extension LogPlaces {
    /// Compares a cursor's time with the message at its sequence, as ``LogTail/recognise(_:tenant:)`` does for what is in memory: one request, or two.
    ///
    /// - Parameter bounds: requested after the cursor arrived.
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func recognise(_ cursor: Cursor, tenant: Tenant, in bounds: LogBounds) async throws(EventLogError) -> CursorRecognition {
        guard cursor.epoch == bounds.epoch, cursor.sequence <= bounds.lastSequence else { return .different }
        // Just before the first entry kept there is no message to compare with.
        guard cursor.sequence >= bounds.firstSequence, bounds.lastSequence > 0 else { return .foreign }
        switch try await content(at: cursor.sequence) {
        case .event(tenant, let intake): return cursor.agrees(with: intake) ? .own : .different
        case .event(_, let time), .other(let time):
            if cursor.agrees(with: time) { return .foreign }
            // The position before a gap's end has the time of the tenant's next event (``StreamGap/resumptionCursor``).
            let next = try await firstCursor(of: tenant, after: cursor.sequence)
            return next.map { cursor.agrees(with: $0.time) } == true ? .foreign : .different
        case .nothing: return .foreign
        }
    }

    /// Returns whether a cursor that was made from the log is a place of it, as it is now. One without a time (``Cursor/hasTime``) is, if the log reaches it.
    ///
    /// - Parameters: as for ``recognise(_:tenant:in:)``.
    /// - Throws: a retriable ``EventLogError`` when the log is unreachable.
    public func holds(_ cursor: Cursor, of tenant: Tenant, in bounds: LogBounds) async throws(EventLogError) -> Bool {
        guard cursor.hasTime else { return cursor.epoch == bounds.epoch && cursor.sequence <= bounds.lastSequence }
        return try await recognise(cursor, tenant: tenant, in: bounds) != .different
    }
}

extension Cursor {
    /// Whether the cursor has a time. One without, to a place whose message was unknown or absent when it was made, cannot be compared with the log.
    public var hasTime: Bool { time.millisecondsSinceEpoch > 0 }

    /// Whether another cursor has the same time as well: in a log that was restored, equal cursors may be of two messages.
    public func isIdentical(to other: Cursor) -> Bool { self == other && time == other.time }

    /// Returns whether the cursor's time matches a message's time.
    package func agrees(with time: Timestamp) -> Bool {
        self.time == Cursor(time: time, epoch: epoch, sequence: sequence).time
    }
}
