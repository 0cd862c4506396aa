public import Basics

/// Which sequences the log holds at one moment.
public struct LogRetention: Sendable, Hashable {
    /// The epoch of the sequences.
    public var epoch: UInt16
    /// First kept sequence; ``lastSequence`` + 1 when the log is empty.
    public var firstSequence: UInt64
    /// Last assigned sequence.
    public var lastSequence: UInt64
    /// The deleted sequences in between.
    public var deleted: DeletedSequences

    /// Creates a retention.
    public init(epoch: UInt16, firstSequence: UInt64, lastSequence: UInt64, deleted: DeletedSequences = .none) {
        self.epoch = epoch
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.deleted = deleted
    }

    /// Returns whether the message at `sequence` is gone, or may be.
    public func hasDropped(_ sequence: UInt64) -> Bool {
        sequence < firstSequence || deleted.contains(sequence) || !deleted.isListed
    }

    /// Returns the last sequence behind `sequence` whose message is, or may be, gone; 0 when all are kept.
    public func lastDropped(behind sequence: UInt64) -> UInt64 {
        let expired = firstSequence - min(firstSequence, 1)
        let last = deleted.isListed ? max(expired, deleted.ranges.last?.upperBound ?? 0) : lastSequence
        return last > sequence ? last : 0
    }
}

/// Identifies a message by sequence and storage time: a log that was restored from an older copy and written since has another message at the
/// same sequence.
public struct LogStamp: Sendable, Hashable {
    /// The message's sequence.
    public var sequence: UInt64
    /// When the server stored the message, in nanoseconds since 1970.
    public var storedAt: UInt64

    /// Creates a stamp.
    public init(sequence: UInt64, storedAt: UInt64) {
        self.sequence = sequence
        self.storedAt = storedAt
    }
}

/// The content at a sequence of the log.
public enum LogPlaceContent: Sendable, Hashable {
    /// A tenant's event, with its intake time.
    case event(tenant: Tenant, intake: Timestamp)
    /// An execution's event, or a message that is not an event, with its storage time.
    case other(storedAt: Timestamp)
    /// Absent: expired, deleted, purged, or never written.
    case nothing
}
