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

    static func write(
        _ slice: PageSlice,
        progress: inout DeliveryProgress,
        audience: some EntryFilter,
        to sink: inout some ByteSink
    ) -> Result {
        let seesAll = audience.admitsAllShared && !slice.hasPersonalEntries
        var result = Result(outcome: .drained)
        for segment in slice.segments {
            let outcome =
                seesAll
                ? self.writeWhole(segment, progress: &progress, to: &sink, result: &result)
                : self.writeVisible(segment, progress: &progress, audience: audience, to: &sink, result: &result)
            if outcome != .drained {
                result.outcome = outcome
                return result
            }
        }
        return result
    }

    /// Writes a segment that is entirely for this connection: one span.
    private static func writeWhole(
        _ segment: PageSegment,
        progress: inout DeliveryProgress,
        to sink: inout some ByteSink,
        result: inout Result
    ) -> Outcome {
        let page = segment.page
        let first = segment.entries.lowerBound
        if progress.isInMidEntry, page.entries[first].sequence != progress.partialSequence { return .entryLost }
        let start = segment.startByte + progress.sentBytes
        let length = segment.endByte - start
        let span = iovec(iov_base: page.bytes + start, iov_len: length)
        guard let taken = withUnsafePointer(to: span, { sink.write(UnsafeBufferPointer(start: $0, count: 1)) }) else { return .failed }
        result.bytes += taken
        if taken == length {
            result.deliveries += segment.entries.count
            progress = DeliveryProgress(sequence: segment.lastSequence)
            return .drained
        }
        // Find the entry in which the sink became full.
        let reached = start + taken
        var low = first
        var high = segment.entries.upperBound
        while low < high {
            let middle = (low + high) / 2
            if page.entries[middle].end > reached { high = middle } else { low = middle + 1 }
        }
        result.deliveries += low - first
        if low > first { progress.sequence = page.entries[low - 1].sequence }
        progress.sentBytes = reached - page.start(of: low)
        progress.partialSequence = page.entries[low].sequence
        return .blocked
    }

    /// Writes a segment of which some entries are not for this connection: gathers the spans around them.
    private static func writeVisible(
        _ segment: PageSegment,
        progress: inout DeliveryProgress,
        audience: some EntryFilter,
        to sink: inout some ByteSink,
        result: inout Result
    ) -> Outcome {
        var index = segment.entries.lowerBound
        while index < segment.entries.upperBound {
            let batchStart = index
            let outcome = withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.spansPerWrite) { spans -> Outcome in
                // By index throughout: a copy of an entry would cost reference counting.
                let entries = segment.page.entries
                var count = 0
                var visible = 0
                var offered = 0
                var spanEnd = -1
                var skip = progress.sentBytes
                while index < segment.entries.upperBound {
                    guard audience.admits(entries[index]) else {
                        index += 1
                        continue
                    }
                    if skip > 0, entries[index].sequence != progress.partialSequence { return .entryLost }
                    let start = segment.page.start(of: index) + skip
                    let end = entries[index].end
                    if start == spanEnd {
                        spans[count - 1].iov_len += end - start
                    } else {
                        guard count < spans.count else { break }
                        spans[count] = iovec(iov_base: segment.page.bytes + start, iov_len: end - start)
                        count += 1
                    }
                    skip = 0
                    spanEnd = end
                    offered += end - start
                    visible += 1
                    index += 1
                }
                var taken = 0
                if count > 0 {
                    guard let written = sink.write(UnsafeBufferPointer(start: spans.baseAddress, count: count)) else { return .failed }
                    taken = written
                }
                result.bytes += taken
                guard taken == offered else {
                    self.advance(&progress, over: segment, entries: batchStart..<index, taken: taken, audience: audience, result: &result)
                    return .blocked
                }
                result.deliveries += visible
                progress = DeliveryProgress(sequence: entries[index - 1].sequence)
                return .drained
            }
            if outcome != .drained { return outcome }
        }
        return .drained
    }

    /// Advances `progress` over `entries`; `taken` is the number of bytes written of the visible ones, after those sent before.
    private static func advance(
        _ progress: inout DeliveryProgress,
        over segment: PageSegment,
        entries: Range<Int>,
        taken: Int,
        audience: some EntryFilter,
        result: inout Result
    ) {
        var remaining = taken + progress.sentBytes
        progress.sentBytes = 0
        for index in entries {
            let sequence = segment.page.entries[index].sequence
            if audience.admits(segment.page.entries[index]) {
                let length = segment.page.entries[index].end - segment.page.start(of: index)
                guard remaining >= length else {
                    progress.sentBytes = remaining
                    progress.partialSequence = sequence
                    return
                }
                remaining -= length
                result.deliveries += 1
            }
            progress.sequence = sequence
        }
    }
}
