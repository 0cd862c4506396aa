import Basics
import DequeModule
import EventLog
import EventModel
import Synchronization

/// A position in a chain: the generation of the log, and the sequence up to which everything has been handled.
struct ChainPosition: Sendable, Hashable {
    /// Counts how often the log was replaced or rewound; sequences of different generations are not comparable.
    var generation: UInt32
    var sequence: UInt64
}

/// The recent events of one source, encoded for sending, shared by all readers on all loops.
///
/// The feed's thread appends. Each loop takes a slice under a short lock, once for all its connections at the
/// same position, and writes from it without a lock. The oldest pages are evicted when the chain exceeds its share of memory; a reader
/// behind them is served from the tail or the log.
final class PageChain: Sendable {
    /// The result of reading at a position.
    enum Read: Sendable {
        /// The next entries; empty at the end of the chain.
        case slice(PageSlice)
        /// The position is older than the oldest page.
        case evicted
        /// The log was replaced: the start of the new generation.
        case replaced(ChainPosition)
    }

    let source: LogSource
    let encoder: any StreamEncoder

    /// The first page of a chain, in bytes. Most of thousands of tenants have a few short events, and keep no more than this.
    private static let smallestPage = 1024
    private static let largestPage = 64 * 1024

    private let state: Mutex<State>

    /// Above this many ranges, they are not compared with the pages one by one.
    private static let comparedRanges = 64

    private struct State {
        var generation: UInt32
        var pages: Deque<Page> = []
        /// `pages` has everything of the source after this sequence.
        var floor: UInt64
        /// The sequence of the last entry appended, or `floor`.
        var end: UInt64
        var footprint = 0

        /// The last entry up to a sequence, that of a page; 0 without one. What lies between two entries was never the source's.
        func lastEntry(through sequence: UInt64) -> UInt64 {
            var last: UInt64 = 0
            for page in pages {
                let next = page.firstEntry(after: sequence, in: 0..<page.entryCount)
                if next > 0 { last = page.entries[next - 1].sequence }
                guard next == page.entryCount else { break }
            }
            return last
        }

        /// Whether an entry is, or may be, in one of the ranges, which ascend.
        func mayHold(_ ranges: [ClosedRange<UInt64>]) -> Bool {
            guard let first = ranges.first, let last = ranges.last, first.lowerBound <= end, last.upperBound > floor else { return false }
            if ranges.count > PageChain.comparedRanges { return true }
            return ranges.contains { range in
                pages.contains { page in
                    let place = page.firstEntry(after: range.lowerBound == 0 ? 0 : range.lowerBound - 1, in: 0..<page.entryCount)
                    return place < page.entryCount && page.entries[place].sequence <= range.upperBound
                }
            }
        }
    }

    init(source: LogSource, encoder: any StreamEncoder, position: ChainPosition) {
        self.source = source
        self.encoder = encoder
        self.state = Mutex(State(generation: position.generation, floor: position.sequence, end: position.sequence))
    }

    /// Encodes an entry of the source, appends it and drops the oldest pages beyond `budget` bytes. Feed thread.
    ///
    /// - Parameter scratch: buffer for encoding; its content is overwritten.
    func append(_ entry: LogEntry, cursor: Cursor, scratch: inout [UInt8], budget: Int) {
        scratch.removeAll(keepingCapacity: true)
        self.encoder.append(entry, cursor: cursor, to: &scratch)
        self.append(
            scratch,
            sequence: entry.sequence,
            intake: entry.intake,
            recipients: entry.event.recipients,
            type: entry.event.type,
            topic: self.encoder.topic(of: entry.event),
            isFinal: entry.execution?.isFinal ?? false,
            budget: budget
        )
    }

    /// Appends an encoded entry and drops the oldest pages beyond `budget` bytes. Feed thread.
    func append(
        _ encoded: [UInt8],
        sequence: UInt64,
        intake: Timestamp,
        recipients: Recipients,
        type: EventType,
        topic: Topic? = nil,
        isFinal: Bool = false,
        budget: Int
    ) {
        self.state.withLock { state in
            if state.pages.last?.hasRoom(for: encoded.count) != true {
                let page = self.page(after: state.pages.last, for: encoded.count, budget: budget)
                state.pages.append(page)
                state.footprint += page.footprint
            }
            state.pages[state.pages.count - 1].append(
                encoded,
                sequence: sequence,
                intake: intake,
                recipients: recipients,
                type: type,
                topic: topic,
                isFinal: isFinal
            )
            state.end = sequence
            while state.footprint > budget, state.pages.count > 1 {
                let oldest = state.pages.removeFirst()
                state.footprint -= oldest.footprint
                state.floor = max(state.floor, oldest.entries[oldest.entryCount - 1].sequence)
            }
        }
    }

    /// Creates a page with room for at least `count` bytes. Its index is sized by the entry length of the page before, with a reserve:
    /// otherwise entries of 100 bytes and of 10,000 bytes would cost the same index.
    private func page(after last: Page?, for count: Int, budget: Int) -> Page {
        let hasTopics = self.encoder.hasTopics
        guard let last else { return Page(byteCapacity: max(Self.smallestPage, count), hasTopics: hasTopics) }
        // The last page is always kept, so it must not use the whole budget.
        let largest = min(Self.largestPage, max(Self.smallestPage, budget / 2))
        let bytes = max(min(largest, 2 * last.byteCapacity), count)
        let entries = last.entryCount * bytes / max(1, last.byteCount)
        return Page(byteCapacity: bytes, entryCapacity: entries + entries / 4 + 8, hasTopics: hasTopics)
    }

    /// Removes all entries; the chain continues after `position`. Feed thread.
    func restart(at position: ChainPosition) {
        self.state.withLock { $0 = State(generation: position.generation, floor: position.sequence, end: position.sequence) }
    }

    /// Removes entries that the log no longer keeps, or all if some in between were deleted: readers are served from the tail or the log.
    /// Any thread.
    ///
    /// - Parameter deleted: what was deleted since the last call.
    func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) {
        self.state.withLock { state in
            let isHoled = !retention.deleted.isListed || state.mayHold(deleted)
            let dropped = retention.firstSequence == 0 ? 0 : retention.firstSequence - 1
            state.floor = max(state.floor, isHoled ? state.end : state.lastEntry(through: dropped))
            while let oldest = state.pages.first, oldest.entries[oldest.entryCount - 1].sequence <= state.floor {
                state.footprint -= oldest.footprint
                state.pages.removeFirst()
            }
        }
    }

    /// The end of the chain. Any thread.
    var end: ChainPosition {
        self.state.withLock { ChainPosition(generation: $0.generation, sequence: $0.end) }
    }

    /// Returns what follows `position`, up to about `maxBytes` (at least one entry). Any thread.
    func read(after position: ChainPosition, maxBytes: Int) -> Read {
        self.state.withLock { state in
            if position.generation != state.generation {
                return .replaced(ChainPosition(generation: state.generation, sequence: state.floor))
            }
            if position.sequence >= state.end { return .slice(PageSlice(segments: [])) }
            if position.sequence < state.floor { return .evicted }
            var segments: [PageSegment] = []
            var remaining = maxBytes
            var index = Self.firstPage(after: position.sequence, in: state.pages)
            while index < state.pages.count, remaining > 0 {
                let page = state.pages[index]
                let first = page.firstEntry(after: position.sequence, in: 0..<page.entryCount)
                if first < page.entryCount {
                    let segment = PageSegment(page: page, entries: first..<page.entryCount)
                    segments.append(segment)
                    remaining -= segment.endByte - segment.startByte
                }
                index += 1
            }
            return .slice(PageSlice(segments: segments))
        }
    }

    /// Returns the number of entries after `position`; nil when the position is older than the oldest page, or of another generation. Any thread.
    func count(after position: ChainPosition) -> Int? {
        self.state.withLock { state in
            guard position.generation == state.generation else { return nil }
            if position.sequence >= state.end { return 0 }
            guard position.sequence >= state.floor else { return nil }
            return state.pages[Self.firstPage(after: position.sequence, in: state.pages)...].reduce(0) { count, page in
                count + page.entryCount - page.firstEntry(after: position.sequence, in: 0..<page.entryCount)
            }
        }
    }

    /// Returns the index of the first page whose last entry is after `sequence`.
    private static func firstPage(after sequence: UInt64, in pages: Deque<Page>) -> Int {
        pages.indices.partitionPoint { pages[$0].entries[pages[$0].entryCount - 1].sequence > sequence }
    }
}
