public import EventModel

/// What the log keeps at one moment.
public struct LogBounds: Sendable, Hashable {
    /// The first sequence that is kept; one more than ``lastSequence`` when nothing is.
    public var firstSequence: UInt64
    /// The last sequence that was given out, kept or not; 0 when the log was never written to.
    public var lastSequence: UInt64
    /// Which log the sequences count in.
    public var epoch: UInt16
    /// The cursor of the first entry kept. When all were thrown away it is that of the entry that comes next, which is as
    /// true; nil only for a log that was never written to, from which nothing can be missing.
    public var firstCursor: Cursor?

    /// Describes a log.
    public init(firstSequence: UInt64, lastSequence: UInt64, epoch: UInt16, firstCursor: Cursor?) {
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.epoch = epoch
        self.firstCursor = firstCursor
    }
}

/// A piece of one tenant's past.
public struct LogRead: Sendable {
    /// The tenant's entries, in order.
    public var entries: [LogEntry]
    /// How far the answer is complete: every entry of the tenant between the sequence asked for and this one is in ``entries``.
    /// Reading on begins here.
    public var position: UInt64
    /// The first entry of the log that was still kept when the read ended, if some of what was asked for had left the log by then. Everything
    /// before it that is behind the place asked for may be missing; ``entries`` begins there.
    public var missedBefore: Cursor?

    /// Describes a piece.
    public init(entries: [LogEntry], position: UInt64, missedBefore: Cursor? = nil) {
        self.entries = entries
        self.position = position
        self.missedBefore = missedBefore
    }
}
