import EventModel

/// When the server ends a stream in the regular course. Every other ``Ending`` applies as well.
public enum EndPolicy: Sendable, Hashable {
    /// It does not.
    case never
    /// With the first entry behind which nothing follows: the final event of an execution.
    case atFinalEntry
    /// When it has sent what there is, or a batch full of it; without an entry, when it has waited long enough. What it ends with says where the
    /// next batch begins (``StreamEncoder/conclusion(cursor:gap:)``).
    case afterBatch(BatchLimits)
}

/// How much one batch holds, and how long it waits for its first entry.
public struct BatchLimits: Sendable, Hashable {
    /// The most entries; at least 1.
    public var entries: Int
    /// The batch is full with the entry that brings the response, head included, to this many bytes.
    public var bytes: Int
    /// How long a batch that is empty waits for an entry; none for one that holds what there is.
    public var wait: Duration

    public init(entries: Int, bytes: Int, wait: Duration) {
        self.entries = entries
        self.bytes = bytes
        self.wait = wait
    }
}

/// The ``EndPolicy`` of one connection, and how far that has come.
enum StreamEnd {
    case never
    case atFinalEntry
    case afterBatch(Batch)

    /// - Parameters:
    ///   - start: where delivery begins.
    ///   - gap: what the client is told first, if anything.
    ///   - separator: ``StreamEncoder/separatorLength``.
    init(_ policy: EndPolicy, start: Cursor, gap: StreamGap?, separator: Int) {
        switch policy {
        case .never: self = .never
        case .atFinalEntry: self = .atFinalEntry
        case .afterBatch(let limits): self = .afterBatch(Batch(limits, start: start, gap: gap, separator: separator))
        }
    }

    /// The batch that is sent; nil for a stream.
    var batch: Batch? { if case .afterBatch(let batch) = self { batch } else { nil } }

    /// The last entry of `slice` that is to be sent; nil for all of them.
    ///
    /// - Parameters:
    ///   - entries: how many the connection has sent.
    ///   - bytes: how much the connection has sent.
    func last(of slice: PageSlice, for audience: Audience, entries: Int, bytes: Int) -> UInt64? {
        switch self {
        case .never: nil
        case .atFinalEntry: slice.finalSequence
        case .afterBatch(let batch): batch.limits.last(of: slice, for: audience, entries: entries, bytes: bytes)
        }
    }
}

/// A response that ends with what there is. On the loop's thread of its connection only.
final class Batch {
    let limits: BatchLimits
    /// How many bytes of the first entry are left out.
    let separator: Int
    /// The place where it began.
    private let start: UInt64
    /// The last place on the way whose cursor is recognised: the start, or an entry.
    private(set) var place: Cursor
    /// What the client missed and is told at the end.
    private(set) var gap: StreamGap?
    /// Whether it waits no longer.
    private(set) var isOverdue: Bool

    init(_ limits: BatchLimits, start: Cursor, gap: StreamGap?, separator: Int) {
        self.limits = limits
        self.separator = separator
        self.start = start.sequence
        self.place = start
        self.gap = gap
        self.isOverdue = limits.wait <= .zero
    }

    /// Whether the next batch would begin at another place than this one.
    var hasProgressed: Bool { self.place.sequence > self.start }

    /// The connection has come to an entry that was taken in at that time.
    func passed(_ entry: PageEntry) {
        guard entry.sequence > self.place.sequence else { return }
        self.place = Cursor(time: entry.intake, epoch: self.place.epoch, sequence: entry.sequence)
    }

    /// The client misses something; the connection goes on behind that. Of several gaps the last one is told: it reaches furthest.
    func missed(_ gap: StreamGap) {
        self.gap = gap
        self.place = gap.resumptionCursor
    }

    /// The time to wait is over.
    func waited() { self.isOverdue = true }
}

extension BatchLimits {
    /// The entry of `slice` with which the batch is full; nil when none is.
    fileprivate func last(of slice: PageSlice, for audience: Audience, entries sent: Int, bytes: Int) -> UInt64? {
        var entries = sent
        var bytes = bytes
        for segment in slice.segments {
            for index in segment.entries {
                let entry = segment.page.entries[index]
                guard audience.admits(entry) else { continue }
                entries += 1
                bytes += entry.end - segment.page.start(of: index)
                if entries >= self.entries || bytes >= self.bytes { return entry.sequence }
            }
        }
        return nil
    }
}
