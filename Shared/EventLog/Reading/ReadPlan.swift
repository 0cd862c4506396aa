/// Schedules reads of the past, filtered or by a shared scan, as a value.
///
/// A filtered read makes the server search everything stored since the cursor. A few at a time are cheap; a thousand at once take minutes and
/// slow the producers. So `limit` tenants have filtered reads; as soon as more wait, one scan over everything serves all that wait (design,
/// "A miss").
struct ReadPlan: Sendable {
    typealias ID = UInt64

    /// The driver's next step.
    enum Action: Sendable, Equatable {
        case none
        /// Start a filtered read; report ``filteredReadEnded(_:)``.
        case readFiltered(ID)
        /// Call ``scanBegan()`` for the participants, scan, and report ``scanEnded()``.
        case scan
    }

    private let limit: Int
    private var filtered: Set<ID> = []
    private var waiting: [ID] = []
    private var isScanning = false

    /// - Parameter limit: Maximum number of concurrent filtered reads; at least one.
    init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Adds a read.
    mutating func requested(_ id: ID) -> Action {
        if waiting.isEmpty, filtered.count < limit {
            filtered.insert(id)
            return .readFiltered(id)
        }
        waiting.append(id)
        return startScanUnlessRunning()
    }

    /// Starts a scan and returns its participants. Later reads wait for the next one, unless the running scan can still take them.
    mutating func scanBegan() -> [ID] {
        defer { waiting = [] }
        return waiting
    }

    /// Ends the scan.
    mutating func scanEnded() -> Action {
        isScanning = false
        if waiting.isEmpty { return .none }
        if waiting.count == 1, filtered.count < limit { return readNextFiltered() }
        return startScanUnlessRunning()
    }

    /// Ends a filtered read; a waiting read may take its slot while a scan is running.
    mutating func filteredReadEnded(_ id: ID) -> Action {
        filtered.remove(id)
        return waiting.isEmpty ? .none : readNextFiltered()
    }

    /// Removes a waiting read: it was cancelled, or joined a running scan.
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
