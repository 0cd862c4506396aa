import Basics
import DequeModule
import EventLog
import EventModel
import Synchronization

/// A place in a chain: which life of the log, and the sequence up to which everything has been handled.
struct ChainPosition: Sendable, Hashable {
    /// Counts how often the log was replaced or rewound; sequences of different generations are not comparable.
    var generation: UInt32
    var sequence: UInt64
}

/// The recent events of one source as bytes ready to be sent, in one encoding, shared by all its readers on all loops.
///
/// The feed's thread appends; each loop takes a slice under a short lock, once for all its connections that stand at the
/// same place, and writes from it without one. Old pages go when the chain exceeds its share of memory: a reader that far
/// behind is served from the tail or the log instead.
final class PageChain: Sendable {
    /// What a reader at some position finds.
    enum Read: Sendable {
        /// The next entries; empty when the reader is at the end.
        case slice(PageSlice)
        /// The position is older than the oldest page.
        case evicted
        /// The log is another one since: where its new life begins.
        case replaced(ChainPosition)
    }

    let source: LogSource
    let encoder: any StreamEncoder

    /// The first page of a chain. Of thousands of tenants most have a few short events: that is what each keeps.
    private static let smallestPage = 1024
    private static let largestPage = 64 * 1024

    private let state: Mutex<State>

    /// Beyond this many ranges they are not compared with the pages one by one.
    private static let comparedRanges = 64

    private struct State {
        var generation: UInt32
        var pages: Deque<Page> = []
        /// Everything after this sequence that the source has is in `pages`.
        var floor: UInt64
        /// The last entry appended, or `floor`.
        var end: UInt64
        var footprint = 0

        /// Whether one of the entries lies, or may lie, in one of the ranges, which ascend.
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
    /// - Parameter scratch: memory to encode in; its content is overwritten.
    func append(_ entry: LogEntry, cursor: Cursor, scratch: inout [UInt8], budget: Int) {
        scratch.removeAll(keepingCapacity: true)
        self.encoder.append(entry, cursor: cursor, to: &scratch)
        self.append(
            scratch,
            sequence: entry.sequence,
            intake: entry.intake,
            user: entry.event.user,
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
        user: UserID?,
        type: EventType,
        topic: IncidentID? = nil,
        isFinal: Bool = false,
        budget: Int
    ) {
        self.state.withLock { state in
            if state.pages.last?.hasRoom(for: encoded.count) != true {
                let page = Self.page(after: state.pages.last, for: encoded.count, budget: budget)
                state.pages.append(page)
                state.footprint += page.footprint
            }
            state.pages[state.pages.count - 1].append(
                encoded,
                sequence: sequence,
                intake: intake,
                user: user,
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

    /// A page with room for at least `count` bytes, and an index as long as entries like those of the page before need, with some to spare:
    /// entries of 100 bytes and of 10,000 would else cost the same index.
    private static func page(after last: Page?, for count: Int, budget: Int) -> Page {
        guard let last else { return Page(byteCapacity: max(Self.smallestPage, count)) }
        // The last page is always kept, so that it must not be the whole budget.
        let largest = min(Self.largestPage, max(Self.smallestPage, budget / 2))
        let bytes = max(min(largest, 2 * last.byteCapacity), count)
        let entries = last.entryCount * bytes / max(1, last.byteCount)
        return Page(byteCapacity: bytes, entryCapacity: entries + entries / 4 + 8)
    }

    /// Forgets everything: from here on the chain holds what comes after `position`. Feed thread.
    func restart(at position: ChainPosition) {
        self.state.withLock { $0 = State(generation: position.generation, floor: position.sequence, end: position.sequence) }
    }

    /// Forgets what the log does not keep any more: from where it goes on, readers are served from the tail or the log. Any thread.
    ///
    /// - Parameter deleted: what was deleted since the last call.
    func trim(to retention: LogRetention, deleted: [ClosedRange<UInt64>]) {
        self.state.withLock { state in
            let isHoled = !retention.deleted.isListed || state.mayHold(deleted)
            let kept = retention.firstSequence == 0 ? 0 : retention.firstSequence - 1
            state.floor = max(state.floor, isHoled ? state.end : min(kept, state.end))
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

    /// What follows `position`, up to about `maxBytes` (at least one entry). Any thread.
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

    /// The first page whose last entry is after `sequence`.
    private static func firstPage(after sequence: UInt64, in pages: Deque<Page>) -> Int {
        var low = 0
        var high = pages.count
        while low < high {
            let middle = (low + high) / 2
            let page = pages[middle]
            if page.entries[page.entryCount - 1].sequence > sequence {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
