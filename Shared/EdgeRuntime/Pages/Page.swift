import Basics
import EventModel

/// What the index of a page says of one encoded entry.
struct PageEntry: Sendable {
    /// The entry's place in the log.
    var sequence: UInt64
    /// Where its bytes end in the page; they begin where those of the entry before it end.
    var end: Int
    /// How many entries of the page up to and including this one are for a single user.
    var personalCount: Int32
    /// Whether nothing follows it: a stream that has sent it is over.
    var isFinal: Bool
    /// When it was taken in: with ``sequence``, its cursor.
    var intake: Timestamp
    /// The only user who may see it; `nil` when all of the tenant may.
    var user: UserID?
    /// For connections that asked for some types only.
    var type: EventType
    /// What it is about, where the encoding knows (``StreamEncoder/topic(of:)``).
    var topic: IncidentID?
}

/// A fixed piece of memory with encoded entries, one behind the other, and their index.
///
/// Append-only. One writer appends (``PageChain`` under its lock, or a catch-up before it hands the page out); readers look
/// only at what was published to them as a ``PageSegment`` — bytes and index below its end never change again — and
/// therefore need no lock. That is the justification for `@unchecked Sendable`.
final class Page: @unchecked Sendable {
    let bytes: UnsafeMutableRawPointer
    let entries: UnsafeMutablePointer<PageEntry>
    let byteCapacity: Int
    let entryCapacity: Int
    private(set) var byteCount = 0
    private(set) var entryCount = 0

    /// About how long events are on the wire; it sets how many index places a page gets unless told otherwise.
    private static let expectedEntryBytes = 128

    /// - Parameters:
    ///   - byteCapacity: Room for encoded bytes.
    ///   - entryCapacity: Room in the index; by default what events of a usual length need.
    init(byteCapacity: Int, entryCapacity: Int? = nil) {
        self.byteCapacity = byteCapacity
        self.entryCapacity = entryCapacity ?? max(8, byteCapacity / Self.expectedEntryBytes)
        self.bytes = .allocate(byteCount: byteCapacity, alignment: 16)
        self.entries = .allocate(capacity: self.entryCapacity)
    }

    deinit {
        self.entries.deinitialize(count: self.entryCount)
        self.entries.deallocate()
        self.bytes.deallocate()
    }

    /// What this page costs in memory, in bytes.
    var footprint: Int { self.byteCapacity + self.entryCapacity * MemoryLayout<PageEntry>.stride }

    /// Whether `count` more bytes and one more entry find a place.
    func hasRoom(for count: Int) -> Bool {
        self.byteCount + count <= self.byteCapacity && self.entryCount < self.entryCapacity
    }

    /// Appends one entry. Only the page's writer calls it, after ``hasRoom(for:)``.
    func append(
        _ encoded: [UInt8],
        sequence: UInt64,
        intake: Timestamp,
        user: UserID?,
        type: EventType,
        topic: IncidentID? = nil,
        isFinal: Bool = false
    ) {
        encoded.withUnsafeBytes { source in
            (self.bytes + self.byteCount).copyMemory(from: source.baseAddress!, byteCount: source.count)
        }
        self.byteCount += encoded.count
        let before = self.entryCount == 0 ? 0 : self.entries[self.entryCount - 1].personalCount
        (self.entries + self.entryCount).initialize(
            to: PageEntry(
                sequence: sequence,
                end: self.byteCount,
                personalCount: before + (user == nil ? 0 : 1),
                isFinal: isFinal,
                intake: intake,
                user: user,
                type: type,
                topic: topic
            )
        )
        self.entryCount += 1
    }

    /// Where the bytes of entry `index` begin.
    func start(of index: Int) -> Int { index == 0 ? 0 : self.entries[index - 1].end }

    /// The first entry of `range` with a sequence greater than `sequence`; the range's end when there is none.
    func firstEntry(after sequence: UInt64, in range: Range<Int>) -> Int {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].sequence > sequence {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}

/// A published, immutable stretch of a page: what a reader may look at without a lock.
struct PageSegment: Sendable {
    let page: Page
    /// Indices of entries; never empty.
    let entries: Range<Int>

    var startByte: Int { self.page.start(of: self.entries.lowerBound) }
    var endByte: Int { self.page.entries[self.entries.upperBound - 1].end }
    var lastSequence: UInt64 { self.page.entries[self.entries.upperBound - 1].sequence }

    /// Whether some entry of it is for a single user.
    var hasPersonalEntries: Bool {
        let before = self.entries.lowerBound == 0 ? 0 : self.page.entries[self.entries.lowerBound - 1].personalCount
        return self.page.entries[self.entries.upperBound - 1].personalCount > before
    }
}

/// Consecutive segments: everything of one tenant between two places in the log, in one encoding.
struct PageSlice: Sendable {
    let segments: [PageSegment]
    let hasPersonalEntries: Bool

    init(segments: [PageSegment]) {
        self.segments = segments
        self.hasPersonalEntries = segments.contains { $0.hasPersonalEntries }
    }

    var isEmpty: Bool { self.segments.isEmpty }
    /// Bytes of all entries, whatever their audience.
    var byteCount: Int { self.segments.reduce(0) { $0 + $1.endByte - $1.startByte } }

    /// The sequence of the first entry behind which nothing follows; nil when there is none. Looks at every entry.
    var finalSequence: UInt64? {
        for segment in self.segments {
            for index in segment.entries where segment.page.entries[index].isFinal { return segment.page.entries[index].sequence }
        }
        return nil
    }

    /// The first entry that `audience` sees; nil when there is none.
    func first(for audience: Audience) -> PageEntry? {
        for segment in self.segments {
            for index in segment.entries where audience.admits(segment.page.entries[index]) { return segment.page.entries[index] }
        }
        return nil
    }

    /// The last entry with a sequence of at most `sequence`; nil when there is none.
    func last(upTo sequence: UInt64) -> PageEntry? {
        for segment in self.segments.reversed() {
            let end = segment.page.firstEntry(after: sequence, in: segment.entries)
            if end > segment.entries.lowerBound { return segment.page.entries[end - 1] }
        }
        return nil
    }

    /// The bytes of the entry with `sequence` that follow its first `offset`; none if there are more than `limit`.
    func rest(of sequence: UInt64, from offset: Int, atMost limit: Int) -> [UInt8] {
        for segment in self.segments {
            guard segment.lastSequence >= sequence else { continue }
            let index = segment.page.firstEntry(after: max(sequence, 1) - 1, in: segment.entries)
            guard index < segment.entries.upperBound, segment.page.entries[index].sequence == sequence else { return [] }
            let start = segment.page.start(of: index) + offset
            let end = segment.page.entries[index].end
            guard start < end, end - start <= limit else { return [] }
            return [UInt8](UnsafeRawBufferPointer(start: segment.page.bytes + start, count: end - start))
        }
        return []
    }

    /// The part of it behind the entry with `sequence`, or behind where that would stand.
    func suffix(after sequence: UInt64) -> PageSlice {
        PageSlice(
            segments: self.segments.compactMap { segment in
                let first = segment.page.firstEntry(after: sequence, in: segment.entries)
                return first < segment.entries.upperBound
                    ? PageSegment(page: segment.page, entries: first..<segment.entries.upperBound) : nil
            }
        )
    }

    /// The part of it up to and including the entry with `sequence`.
    func prefix(through sequence: UInt64) -> PageSlice {
        PageSlice(
            segments: self.segments.compactMap { segment in
                let end = segment.page.firstEntry(after: sequence, in: segment.entries)
                return end > segment.entries.lowerBound ? PageSegment(page: segment.page, entries: segment.entries.lowerBound..<end) : nil
            }
        )
    }
}
