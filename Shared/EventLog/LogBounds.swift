public import EventModel

/// The log's range of sequences at one moment.
public struct LogBounds: Sendable, Hashable {
    /// First kept sequence; ``lastSequence`` + 1 when the log is empty.
    public var firstSequence: UInt64
    /// Last assigned sequence, kept or not; 0 for a new log.
    public var lastSequence: UInt64
    /// The epoch of the sequences.
    public var epoch: UInt16
    /// The cursor of the first kept entry; of the next entry when the log is empty. Nil only for a new log, which can have no gap.
    public var firstCursor: Cursor?

    /// Creates bounds.
    public init(firstSequence: UInt64, lastSequence: UInt64, epoch: UInt16, firstCursor: Cursor?) {
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.epoch = epoch
        self.firstCursor = firstCursor
    }
}

/// Entries read from one tenant's past.
public struct LogRead: Sendable {
    /// The tenant's entries, in order.
    public var entries: [LogEntry]
    /// The sequence up to which ``entries`` is complete, counted from the requested one. The next read continues here.
    public var position: UInt64
    /// The log's first kept entry at the end of the read, if a part of the requested range had been dropped by then. Requested entries before it may
    /// be missing; ``entries`` begins there.
    public var missedBefore: Cursor?

    /// Creates a read.
    public init(entries: [LogEntry], position: UInt64, missedBefore: Cursor? = nil) {
        self.entries = entries
        self.position = position
        self.missedBefore = missedBefore
    }
}
