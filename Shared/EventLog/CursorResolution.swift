public import EventModel

/// Resolves a client's cursor (contract §3) to a start position and a notice.
public enum CursorResolution: Sendable, Hashable {
    /// No cursor: new events only.
    case liveOnly
    /// An empty cursor: everything kept, from the entry after this sequence.
    case oldest(after: UInt64)
    /// A valid cursor: everything after this sequence.
    case resume(after: UInt64)
    /// The cursor is older than the log's start: send `missedBefore`, then everything after the sequence.
    case expired(missedBefore: Cursor, after: UInt64)
    /// Malformed, of another log, or beyond the log's end: report it, then new events only.
    case unknown

    /// Resolves a cursor.
    ///
    /// - Parameters:
    ///   - text: The client's cursor; nil when absent.
    ///   - bounds: The log's bounds, requested *after* the cursor arrived. A feed's position is not enough: another process may be ahead, and
    ///     its cursors are valid.
    public init(_ text: String?, bounds: LogBounds) {
        guard let text else {
            self = .liveOnly
            return
        }
        let beforeFirst = bounds.firstSequence == 0 ? 0 : bounds.firstSequence - 1
        guard !text.isEmpty else {
            self = .oldest(after: beforeFirst)
            return
        }
        guard let cursor = Cursor(text), cursor.epoch == bounds.epoch, cursor.sequence <= bounds.lastSequence else {
            self = .unknown
            return
        }
        guard cursor.sequence < beforeFirst, let first = bounds.firstCursor else {
            self = .resume(after: cursor.sequence)
            return
        }
        self = .expired(missedBefore: first, after: beforeFirst)
    }
}
