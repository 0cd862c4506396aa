import EventModel

/// When the server ends a stream in the regular course. Every other ``Ending`` applies as well.
public enum EndPolicy: Sendable, Hashable {
    /// Never.
    case never
    /// With a final entry: the last event of an execution.
    case atFinalEntry
    /// With the entries available, up to a full batch; without an entry, after the wait. The conclusion has the cursor of the next batch
    /// (``StreamEncoder/conclusion(cursor:gap:)``).
    case afterBatch(BatchLimits)
}

/// The size limits of a batch, and the wait for its first entry.
public struct BatchLimits: Sendable, Hashable {
    /// The most entries; at least 1.
    public var entries: Int
    /// The size of the response, head included, at which the batch is full, in bytes; the entry that reaches it is the last one.
    public var bytes: Int
    /// How long an empty batch waits for an entry; a batch with entries does not wait.
    public var wait: Duration

    public init(entries: Int, bytes: Int, wait: Duration) {
        self.entries = entries
        self.bytes = bytes
        self.wait = wait
    }
}

/// The ``EndPolicy`` of one connection, with its state.
enum StreamEnd {
    case never
    case atFinalEntry
    case afterBatch(Batch)

    /// - Parameters:
    ///   - start: where delivery begins.
    ///   - gap: the gap sent first, if any.
    ///   - separator: ``StreamEncoder/separatorLength``.
    init(_ policy: EndPolicy, start: Cursor, gap: StreamGap?, separator: Int) {
        switch policy {
        case .never: self = .never
        case .atFinalEntry: self = .atFinalEntry
        case .afterBatch(let limits): self = .afterBatch(Batch(limits, start: start, gap: gap, separator: separator))
        }
    }

    /// The batch in progress; nil for a stream.
    var batch: Batch? { if case .afterBatch(let batch) = self { batch } else { nil } }

    /// Returns the last entry of `slice` to be sent; nil for all of them.
    ///
    /// - Parameters:
    ///   - entries: the number of entries sent so far.
    ///   - bytes: the number of bytes sent so far.
    func last(of slice: PageSlice, for audience: Audience, entries: Int, bytes: Int) -> UInt64? {
        switch self {
        case .never: nil
        case .atFinalEntry: slice.finalSequence
        case .afterBatch(let batch): batch.limits.last(of: slice, for: audience, entries: entries, bytes: bytes)
        }
    }
}

/// A response that ends with the entries available. On the loop's thread of its connection only.
final class Batch {
    let limits: BatchLimits
    /// Bytes to omit from the beginning of the first entry.
    let separator: Int
    /// The sequence at which the batch began.
    private let start: UInt64
    /// The last cursor on the way that can be recognised: of the start, or of an entry.
    private(set) var place: Cursor
    /// The gap to report at the end.
    private(set) var gap: StreamGap?
    /// Whether the wait is over.
    private(set) var isOverdue: Bool

    init(_ limits: BatchLimits, start: Cursor, gap: StreamGap?, separator: Int) {
        self.limits = limits
        self.separator = separator
        self.start = start.sequence
        self.place = start
        self.gap = gap
        self.isOverdue = limits.wait <= .zero
    }

    /// Whether the next batch would begin at another position.
    var hasProgressed: Bool { self.place.sequence > self.start }

    /// Advances to `entry`, whose cursor can be recognised.
    func passed(_ entry: PageEntry) {
        guard entry.sequence > self.place.sequence else { return }
        self.place = Cursor(time: entry.intake, epoch: self.place.epoch, sequence: entry.sequence)
    }

    /// Records a gap; the connection continues after it. Of several gaps the last one is reported: it reaches furthest.
    func missed(_ gap: StreamGap) {
        self.gap = gap
        self.place = gap.resumptionCursor
    }

    /// Ends the wait.
    func waited() { self.isOverdue = true }
}

extension BatchLimits {
    /// Returns the entry of `slice` that fills the batch; nil without one.
    fileprivate func last(of slice: PageSlice, for audience: Audience, entries sent: Int, bytes: Int) -> UInt64? {
        var entries = sent
        var bytes = bytes
        for segment in slice.segments {
            for index in segment.entries {
                let entry = segment.page.entries + index
                guard audience.admits(entry) else { continue }
                entries += 1
                bytes += entry.pointee.end - segment.page.start(of: index)
                if entries >= self.entries || bytes >= self.bytes { return entry.pointee.sequence }
            }
        }
        return nil
    }
}
