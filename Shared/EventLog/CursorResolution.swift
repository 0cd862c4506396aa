public import EventModel

/// The answer to the cursor that a client brought (contract §3): where its stream begins, and what it must be told.
public enum CursorResolution: Sendable, Hashable {
    /// No cursor: only what happens from now on.
    case liveOnly
    /// An empty cursor: everything kept, beginning after this sequence.
    case oldest(after: UInt64)
    /// A place in the log: everything after this sequence.
    case resume(after: UInt64)
    /// The log no longer keeps everything after the cursor: told with `missedBefore`, then everything after the sequence.
    case expired(missedBefore: Cursor, after: UInt64)
    /// Malformed, of another log, or beyond the log's end: told, then only what happens from now on.
    case unknown

    /// Judges a cursor.
    ///
    /// - Parameters:
    ///   - text: what the client sent; nil when it sent nothing.
    ///   - bounds: what the log keeps, asked for *after* the cursor came in. A feed's position will not do for the end: another
    ///     process may be ahead, and its cursors are no less good.
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
