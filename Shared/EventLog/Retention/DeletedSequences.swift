import Basics

/// The assigned sequences that the log no longer holds although it holds older ones: deleted messages, or a purged subject.
public struct DeletedSequences: Sendable, Hashable {
    /// Maximum number of listed sequences: a longer list would take megabytes on the bus with each change.
    public static let maximumListed: UInt64 = 100_000

    /// Number of deleted sequences.
    public let count: UInt64
    /// The sequences as disjoint ranges in ascending order; empty when not listed.
    public let ranges: [ClosedRange<UInt64>]

    /// Nothing was deleted.
    public static let none = DeletedSequences(ascending: [])

    /// Whether ``ranges`` holds all of them.
    public var isListed: Bool { count == 0 || !ranges.isEmpty }

    /// Creates a set from ascending sequences.
    public init(ascending sequences: some Sequence<UInt64>) {
        var ranges: [ClosedRange<UInt64>] = []
        var count: UInt64 = 0
        for sequence in sequences {
            count += 1
            if let last = ranges.last, last.upperBound < .max, last.upperBound + 1 == sequence {
                ranges[ranges.count - 1] = last.lowerBound...sequence
            } else {
                ranges.append(sequence...sequence)
            }
        }
        self.count = count
        self.ranges = ranges
    }

    /// Creates a set that is too large to be listed.
    public init(unlisted count: UInt64) {
        self.count = count
        ranges = []
    }

    private init(count: UInt64, ranges: [ClosedRange<UInt64>]) {
        self.count = count
        self.ranges = ranges
    }

    /// Returns whether `sequence` is listed as deleted.
    public func contains(_ sequence: UInt64) -> Bool {
        let index = ranges.indices.partitionPoint { ranges[$0].upperBound >= sequence }
        return index < ranges.count && ranges[index].lowerBound <= sequence
    }

    /// Returns whether something behind `sequence` was, or may have been, deleted.
    public func mayContain(after sequence: UInt64) -> Bool {
        isListed ? (ranges.last?.upperBound ?? 0) > sequence : count > 0
    }

    /// Returns whether something in a range was, or may have been, deleted.
    public func mayContain(in range: Range<UInt64>) -> Bool {
        guard isListed else { return true }
        return !range.isEmpty && ranges.contains { $0.overlaps(range) }
    }

    /// Returns the sequences from `first` on: the log's new start.
    public func from(_ first: UInt64) -> DeletedSequences {
        guard isListed, let lowest = ranges.first, lowest.lowerBound < first else { return self }
        let kept = ranges.compactMap { $0.upperBound < first ? nil : max($0.lowerBound, first)...$0.upperBound }
        return DeletedSequences(count: kept.reduce(0) { $0 + UInt64($1.count) }, ranges: kept)
    }

    /// Returns the sequences that `known` does not have.
    public func ranges(notIn known: DeletedSequences) -> [ClosedRange<UInt64>] {
        let known = Set(known.ranges)
        return ranges.filter { !known.contains($0) }
    }
}
