public import Basics

/// Which sequences the log holds at one moment.
public struct LogRetention: Sendable, Hashable {
    /// Which life of the log the sequences count in.
    public var epoch: UInt16
    /// The first sequence that is kept; one more than ``lastSequence`` when nothing is.
    public var firstSequence: UInt64
    /// The last sequence that was given out.
    public var lastSequence: UInt64
    /// The holes in between.
    public var deleted: DeletedSequences

    /// Describes what a log holds.
    public init(epoch: UInt16, firstSequence: UInt64, lastSequence: UInt64, deleted: DeletedSequences = .none) {
        self.epoch = epoch
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.deleted = deleted
    }

    /// Whether what stood at `sequence` is known to be gone, or cannot be known to be kept.
    public func hasDropped(_ sequence: UInt64) -> Bool {
        sequence < firstSequence || deleted.contains(sequence) || !deleted.isListed
    }

    /// The last place behind `sequence` whose message is, or may be, gone; 0 when all that was ever stored there is kept.
    public func lastDropped(behind sequence: UInt64) -> UInt64 {
        let expired = firstSequence - min(firstSequence, 1)
        let last = deleted.isListed ? max(expired, deleted.ranges.last?.upperBound ?? 0) : lastSequence
        return last > sequence ? last : 0
    }
}

/// Identifies a message by its place and the moment at which the server stored it: a log that was restored from an older copy and written on
/// has another message at the same place.
public struct LogStamp: Sendable, Hashable {
    /// The place in the log.
    public var sequence: UInt64
    /// When the server stored the message, in nanoseconds since 1970.
    public var storedAt: UInt64

    /// Identifies a message.
    public init(sequence: UInt64, storedAt: UInt64) {
        self.sequence = sequence
        self.storedAt = storedAt
    }
}

/// What stands at a place of the log.
public enum LogPlaceContent: Sendable, Hashable {
    /// A tenant's event, taken in at that time.
    case event(tenant: Tenant, intake: Timestamp)
    /// An execution's event, or a message that is no event, stored at that time.
    case other(storedAt: Timestamp)
    /// Nothing: it expired, was deleted or purged, or was never written.
    case nothing
}
