/// Who reads the past by themselves and who shares a scan, as a value.
///
/// A read of one tenant makes the server look through everything stored since the cursor. A few at a time are cheap; a thousand at once
/// take minutes and slow the producers. So: `limit` tenants read by themselves; as soon as more wait, one scan over everything
/// is shared by all who wait (design, "A miss").
struct ReadPlan: Sendable {
    typealias ID = UInt64

    /// What the driver is to do.
    enum Action: Sendable, Equatable {
        case none
        /// Read one tenant for this one; report ``filteredReadEnded(_:)``.
        case readFiltered(ID)
        /// Ask ``scanBegan()`` who takes part, scan, and report ``scanEnded()``.
        case scan
    }

    private let limit: Int
    private var filtered: Set<ID> = []
    private var waiting: [ID] = []
    private var isScanning = false

    /// - Parameter limit: how many filtered reads at a time; at least one.
    init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Somebody wants to read.
    mutating func requested(_ id: ID) -> Action {
        if waiting.isEmpty, filtered.count < limit {
            filtered.insert(id)
            return .readFiltered(id)
        }
        waiting.append(id)
        return startScanUnlessRunning()
    }

    /// A scan sets out: these take part. Whoever comes later waits for the next one, unless the scan can still take them in.
    mutating func scanBegan() -> [ID] {
        defer { waiting = [] }
        return waiting
    }

    /// The scan is over.
    mutating func scanEnded() -> Action {
        isScanning = false
        if waiting.isEmpty { return .none }
        if waiting.count == 1, filtered.count < limit { return readNextFiltered() }
        return startScanUnlessRunning()
    }

    /// A filtered read is over; one who waits may take its place while a scan is under way.
    mutating func filteredReadEnded(_ id: ID) -> Action {
        filtered.remove(id)
        return waiting.isEmpty ? .none : readNextFiltered()
    }

    /// Somebody who waited does not any more: they gave up, or a running scan took them in.
    mutating func withdrawn(_ id: ID) { waiting.removeAll { $0 == id } }

    private mutating func readNextFiltered() -> Action {
        let id = waiting.removeFirst()
        filtered.insert(id)
        return .readFiltered(id)
    }

    private mutating func startScanUnlessRunning() -> Action {
        guard !isScanning else { return .none }
        isScanning = true
        return .scan
    }
}
