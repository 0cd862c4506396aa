import Glibc

/// The position of a connection within the entries it is sent.
struct DeliveryProgress: Sendable, Hashable {
    /// Everything up to this sequence has been sent or is not for this connection.
    var sequence: UInt64
    /// Bytes already sent of the next entry; 0 between entries.
    var sentBytes: Int = 0
    /// The entry that `sentBytes` belongs to.
    var partialSequence: UInt64 = 0

    var isInMidEntry: Bool { self.sentBytes > 0 }

    /// The entry sent in part; nil between entries.
    var begun: UInt64? { self.isInMidEntry ? self.partialSequence : nil }
}

/// A non-blocking destination of bytes: a socket, or a test's substitute.
protocol ByteSink {
    /// Offers the spans in order. Returns the number of bytes taken (fewer than offered means: full for now), or `nil` on an error.
    mutating func write(_ spans: UnsafeBufferPointer<iovec>) -> Int?
}

/// Writes slices of pages to a sink, starting and stopping at any byte, and skips entries that the audience may not see.
enum SliceWriter {
    enum Outcome: Sendable, Hashable {
        /// All of the slice is sent.
        case drained
        /// The sink is full.
        case blocked
        case failed
        /// The entry in progress is not the next one of the slice: its rest can no longer be sent.
        case entryLost
    }

    struct Result: Sendable, Hashable {
        var outcome: Outcome
        var bytes = 0
        /// Entries completed.
        var deliveries = 0
    }

    /// The most spans of one system call.
    private static let spansPerWrite = 64

    /// An entry of a slice.
    private struct Place {
        /// The index of its segment.
        var segment = 0
        /// Its index in the segment's page; nil for the segment's first.
        var entry: Int?
    }

    /// What one system call offers.
    private struct Batch {
        let spans: UnsafeMutableBufferPointer<iovec>
        var count = 0
        var bytes = 0
        /// Entries offered to their end.
        var deliveries = 0
        /// The last entry that is offered or skipped.
        var lastSequence: UInt64 = 0
        private var end: UnsafeMutableRawPointer?

        init(_ spans: UnsafeMutableBufferPointer<iovec>) { self.spans = spans }

        /// Adds bytes, to the last span if they follow it; returns false when no span is left.
        mutating func add(_ start: UnsafeMutableRawPointer, _ length: Int) -> Bool {
            if start == self.end {
                self.spans[self.count - 1].iov_len += length
            } else {
                guard self.count < self.spans.count else { return false }
                self.spans[self.count] = iovec(iov_base: start, iov_len: length)
                self.count += 1
            }
            self.end = start + length
            self.bytes += length
            return true
        }
    }

    /// Writes a slice, in as few system calls as it has batches of spans.
    static func write(
        _ slice: PageSlice,
        progress: inout DeliveryProgress,
        audience: some EntryFilter,
        to sink: inout some ByteSink
    ) -> Result {
        let seesAll = audience.admitsAllShared && !slice.hasPersonalEntries
        var result = Result(outcome: .drained)
        var place = Place()
        while place.segment < slice.segments.count, result.outcome == .drained {
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.spansPerWrite) { spans in
                let start = place
                var batch = Batch(spans)
                guard self.gather(slice.segments, from: &place, progress, seesAll: seesAll, audience, into: &batch) else {
                    return result.outcome = .entryLost
                }
                var taken = 0
                if batch.count > 0 {
                    guard let written = sink.write(UnsafeBufferPointer(start: spans.baseAddress, count: batch.count)) else {
                        return result.outcome = .failed
                    }
                    taken = written
                }
                result.bytes += taken
                if batch.count == 0 {
                    // An entry in progress may follow.
                    progress.sequence = batch.lastSequence
                } else if taken == batch.bytes {
                    result.deliveries += batch.deliveries
                    progress = DeliveryProgress(sequence: batch.lastSequence)
                } else {
                    result.outcome = .blocked
                    result.deliveries += self.advance(
                        &progress,
                        by: taken,
                        over: slice.segments,
                        from: start,
                        seesAll: seesAll,
                        audience
                    )
                }
            }
        }
        return result
    }

    /// Gathers what the audience sees, from `place` on, and moves `place` behind it. Returns false if the entry in progress is missing.
    private static func gather(
        _ segments: [PageSegment],
        from place: inout Place,
        _ progress: DeliveryProgress,
        seesAll: Bool,
        _ audience: some EntryFilter,
        into batch: inout Batch
    ) -> Bool {
        var skip = progress.sentBytes
        while place.segment < segments.count {
            let segment = segments[place.segment]
            let page = segment.page
            var index = place.entry ?? segment.entries.lowerBound
            while index < segment.entries.upperBound {
                let piece = self.piece(of: segment, from: index, seesAll: seesAll, audience)
                if piece.isVisible {
                    if skip > 0, page.entries[index].sequence != progress.partialSequence { return false }
                    let start = page.start(of: index) + skip
                    guard batch.add(page.bytes + start, page.entries[piece.end - 1].end - start) else {
                        place.entry = index
                        return true
                    }
                    skip = 0
                    batch.deliveries += piece.end - index
                }
                batch.lastSequence = page.entries[piece.end - 1].sequence
                index = piece.end
            }
            place = Place(segment: place.segment + 1)
        }
        return skip == 0 || batch.lastSequence < progress.partialSequence
    }

    /// Advances `progress` by fewer bytes than what the audience sees from `place` on. Returns the number of entries completed.
    private static func advance(
        _ progress: inout DeliveryProgress,
        by taken: Int,
        over segments: [PageSegment],
        from place: Place,
        seesAll: Bool,
        _ audience: some EntryFilter
    ) -> Int {
        var left = taken + progress.sentBytes
        var deliveries = 0
        var first = place.entry
        progress.sentBytes = 0
        for segment in segments[place.segment...] {
            let page = segment.page
            var index = first ?? segment.entries.lowerBound
            first = nil
            while index < segment.entries.upperBound {
                let piece = self.piece(of: segment, from: index, seesAll: seesAll, audience)
                if piece.isVisible {
                    let start = page.start(of: index)
                    let length = page.entries[piece.end - 1].end - start
                    if left < length {
                        let reached = page.entry(containing: start + left, in: index..<piece.end)
                        if reached > index { progress.sequence = page.entries[reached - 1].sequence }
                        progress.sentBytes = start + left - page.start(of: reached)
                        progress.partialSequence = page.entries[reached].sequence
                        return deliveries + reached - index
                    }
                    left -= length
                    deliveries += piece.end - index
                }
                progress.sequence = page.entries[piece.end - 1].sequence
                index = piece.end
            }
        }
        return deliveries
    }

    /// Returns whether the audience sees the entry at `index`, and the end of the range for which that is valid: of the segment, of the run, or of the
    /// entry.
    private static func piece(
        of segment: PageSegment,
        from index: Int,
        seesAll: Bool,
        _ audience: some EntryFilter
    ) -> (end: Int, isVisible: Bool) {
        if seesAll { return (segment.entries.upperBound, true) }
        let page = segment.page
        let end = page.endOfRun(index, in: segment.entries)
        switch audience.verdict(on: page.entries + index, through: page.entries[end - 1].sequence) {
        case .all: return (end, true)
        case .none: return (end, false)
        case .each: return (index + 1, audience.admits(page.entries + index))
        }
    }
}
