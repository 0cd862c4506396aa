import Basics
import EventModel

/// The index entry of one encoded entry of a page.
struct PageEntry: Sendable {
    /// The entry's sequence in the log.
    var sequence: UInt64
    /// The end of its bytes in the page; they begin at the end of the previous entry.
    var end: Int
    /// Number of entries of the page that not everyone in the tenant may see, up to and including this one.
    var personalCount: Int32
    /// Whether it is final: a stream that has sent it ends.
    var isFinal: Bool
    /// How many entries of its run precede it in the page. A run is for everyone in the tenant, and has one type and one topic.
    private(set) var runOffset: UInt16 = 0
    /// The intake time: with ``sequence``, its cursor.
    var intake: Timestamp
    /// Who may see it.
    var recipients: Recipients
    /// The type, for connections that requested some types only.
    var type: EventType
    /// Boxed, because most encodings have none.
    private let boxedTopic: TopicBox?
    /// The memory of a boxed topic, in bytes; consecutive entries share one.
    static let topicBytes = 64

    /// The topic, where the encoding has one (``StreamEncoder/topic(of:)``).
    var topic: Topic? { self.boxedTopic?.topic }

    private final class TopicBox: Sendable {
        let topic: Topic

        init(_ topic: Topic) { self.topic = topic }
    }

    init(
        sequence: UInt64,
        end: Int,
        personalCount: Int32,
        isFinal: Bool,
        intake: Timestamp,
        recipients: Recipients,
        type: EventType,
        topic: Topic?,
        after previous: UnsafePointer<PageEntry>? = nil
    ) {
        self.sequence = sequence
        self.end = end
        self.personalCount = personalCount
        self.isFinal = isFinal
        self.intake = intake
        self.recipients = recipients
        self.type = type
        let isOfSameTopic = previous.map { $0.pointee.topic == topic } ?? false
        self.boxedTopic = isOfSameTopic ? previous?.pointee.boxedTopic : topic.map { TopicBox($0) }
        guard isOfSameTopic, let previous, previous.pointee.type == type, previous.pointee.runOffset < .max,
            previous.pointee.recipients.areEveryone, recipients.areEveryone
        else { return }
        self.runOffset = previous.pointee.runOffset + 1
    }
}

/// A fixed-size buffer of consecutive encoded entries, with their index.
///
/// Append-only. One writer appends (``PageChain`` under its lock, or a catch-up before it hands the page out). Readers access
/// only what was published to them as a ``PageSegment``: bytes and index below its end never change again, so that no
/// lock is needed. That justifies `@unchecked Sendable`.
final class Page: @unchecked Sendable {
    let bytes: UnsafeMutableRawPointer
    let entries: UnsafeMutablePointer<PageEntry>
    let byteCapacity: Int
    let entryCapacity: Int
    private(set) var byteCount = 0
    private(set) var entryCount = 0
    /// The memory of an entry in the index, in bytes.
    private let entryBytes: Int
    /// Its share of the budget in which it is counted. Set before the page is handed out.
    var share: ByteBudget.Share?

    /// The expected length of an encoded event, in bytes: determines the default size of a page's index.
    private static let expectedEntryBytes = 128

    /// - Parameters:
    ///   - byteCapacity: Room for encoded bytes.
    ///   - entryCapacity: Room in the index; by default enough for events of the expected length.
    ///   - hasTopics: ``StreamEncoder/hasTopics``.
    init(byteCapacity: Int, entryCapacity: Int? = nil, hasTopics: Bool = false) {
        self.entryBytes = MemoryLayout<PageEntry>.stride + (hasTopics ? PageEntry.topicBytes : 0)
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

    /// The memory of this page, in bytes.
    var footprint: Int { self.byteCapacity + self.entryCapacity * self.entryBytes }

    /// Whether there is room for one more entry of `count` bytes.
    func hasRoom(for count: Int) -> Bool {
        self.byteCount + count <= self.byteCapacity && self.entryCount < self.entryCapacity
    }

    /// Appends one entry. Only the page's writer calls it, after ``hasRoom(for:)``.
    func append(
        _ encoded: [UInt8],
        sequence: UInt64,
        intake: Timestamp,
        recipients: Recipients,
        type: EventType,
        topic: Topic? = nil,
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
                personalCount: before + (recipients.areEveryone ? 0 : 1),
                isFinal: isFinal,
                intake: intake,
                recipients: recipients,
                type: type,
                topic: topic,
                after: self.entryCount == 0 ? nil : UnsafePointer(self.entries + (self.entryCount - 1))
            )
        )
        self.entryCount += 1
    }

    /// The offset at which the bytes of entry `index` begin.
    func start(of index: Int) -> Int { index == 0 ? 0 : self.entries[index - 1].end }

    /// Returns the end of the run of entry `index` within `range`. An audience's verdict on the entries of a run depends on their sequences only.
    func endOfRun(_ index: Int, in range: Range<Int>) -> Int {
        let start = index - Int(self.entries[index].runOffset)
        return (index + 1..<range.upperBound).partitionPoint { $0 - Int(self.entries[$0].runOffset) > start }
    }

    /// The first entry of `range` with a sequence greater than `sequence`; the range's end when there is none.
    func firstEntry(after sequence: UInt64, in range: Range<Int>) -> Int {
        range.partitionPoint { self.entries[$0].sequence > sequence }
    }

    /// Returns the entry of `range` that contains the byte at `offset`.
    func entry(containing offset: Int, in range: Range<Int>) -> Int {
        range.partitionPoint { self.entries[$0].end > offset }
    }
}

/// A published, immutable range of a page, which a reader may access without a lock.
struct PageSegment: Sendable {
    let page: Page
    /// Indices of entries; never empty.
    let entries: Range<Int>

    var startByte: Int { self.page.start(of: self.entries.lowerBound) }
    var endByte: Int { self.page.entries[self.entries.upperBound - 1].end }
    var lastSequence: UInt64 { self.page.entries[self.entries.upperBound - 1].sequence }

    /// Whether it has an entry that not everyone in the tenant may see.
    var hasPersonalEntries: Bool {
        let before = self.entries.lowerBound == 0 ? 0 : self.page.entries[self.entries.lowerBound - 1].personalCount
        return self.page.entries[self.entries.upperBound - 1].personalCount > before
    }
}

/// Consecutive segments: everything of one source between two positions in the log, in one encoding.
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

    /// The sequence of the first final entry; nil without one. Scans all entries.
    var finalSequence: UInt64? {
        for segment in self.segments {
            for index in segment.entries where segment.page.entries[index].isFinal { return segment.page.entries[index].sequence }
        }
        return nil
    }

    /// Returns the first entry that `audience` sees; nil without one.
    func first(for audience: Audience) -> PageEntry? {
        for segment in self.segments {
            for index in segment.entries where audience.admits(segment.page.entries + index) { return segment.page.entries[index] }
        }
        return nil
    }

    /// Returns the last entry with a sequence of at most `sequence`; nil without one.
    func last(upTo sequence: UInt64) -> PageEntry? {
        for segment in self.segments.reversed() {
            let end = segment.page.firstEntry(after: sequence, in: segment.entries)
            if end > segment.entries.lowerBound { return segment.page.entries[end - 1] }
        }
        return nil
    }

    /// Returns the bytes after the first `offset` of the entry with `sequence`; empty if there are more than `limit`.
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

    /// Returns the part after the entry with `sequence`, or after its position if it is absent.
    func suffix(after sequence: UInt64) -> PageSlice {
        PageSlice(
            segments: self.segments.compactMap { segment in
                let first = segment.page.firstEntry(after: sequence, in: segment.entries)
                return first < segment.entries.upperBound
                    ? PageSegment(page: segment.page, entries: first..<segment.entries.upperBound) : nil
            }
        )
    }

    /// Returns the part up to and including the entry with `sequence`.
    func prefix(through sequence: UInt64) -> PageSlice {
        PageSlice(
            segments: self.segments.compactMap { segment in
                let end = segment.page.firstEntry(after: sequence, in: segment.entries)
                return end > segment.entries.lowerBound ? PageSegment(page: segment.page, entries: segment.entries.lowerBound..<end) : nil
            }
        )
    }
}
