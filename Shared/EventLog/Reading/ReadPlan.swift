import Basics

/// Schedules reads of the past, by a filter of their source or by a shared scan, as a value.
///
/// A filtered read makes the server search everything stored since the cursor. A few at a time are cheap; a thousand at once take minutes and
/// slow the producers. So reads of one source whose cursors are near each other share one, and the others wait for a place: there are `limit`,
/// of which a tenant has half at most; tenants take turns. As soon as many sources wait, one scan over everything serves all that wait, followed by
/// a pause that lets more readers queue for the next one (docs/architecture.md, "A miss").
///
/// After each input, the driver performs ``next()`` until it returns nil.
struct ReadPlan: Sendable {
    typealias ID = UInt64

    /// A requested read.
    struct Request: Sendable, Equatable {
        var id: ID
        var source: LogSource
        /// The sequence behind which it begins.
        var after: UInt64
    }

    /// A step of the driver.
    enum Action: Sendable, Equatable {
        /// Serve these reads of one source by a filtered read; report ``filteredReadEnded(of:)``.
        case readFiltered([ID], of: Tenant)
        /// Call ``scanBegan()`` for the participants, scan, report ``scanIsLong()`` if it is, ``scanEnded()``, and after a pause ``pauseEnded()``.
        case scan
    }

    /// The number of waiting sources above which a scan is worth its way over what nobody waits for.
    static let sourcesForScan = 16
    /// How far the cursors of reads that share a filtered one may be from the first of them, in sequences: what lies between is read for some of
    /// them only.
    static let reach: UInt64 = 4096
    /// The number of waiting reads of a source for which ``reach`` is doubled, and so on: where many wait, a longer way for each is shorter for all.
    static let crowd = 32

    private let limit: Int
    private let limitPerTenant: Int
    /// The filtered reads under way by tenant; none of zero.
    private var filtered: [Tenant: Int] = [:]
    private var filteredCount = 0
    /// The requests that wait, by tenant, in order.
    private var waiting: [Tenant: [Request]] = [:]
    /// The tenants of `waiting`; the first is the next to get a place.
    private var turns: [Tenant] = []
    private var waitingSources: [LogSource: Int] = [:]
    private var scanState = ScanState.idle

    private enum ScanState: Sendable {
        case idle
        case running
        case long
        /// The next scan is delayed: started at once, it would serve only the few reads that arrived during the last one.
        case pausing
    }

    /// - Parameter limit: Maximum number of concurrent filtered reads; at least one.
    init(limit: Int) {
        self.limit = max(1, limit)
        limitPerTenant = max(1, limit / 2)
    }

    /// Adds a read.
    mutating func requested(_ request: Request) {
        let tenant = request.source.tenant
        if waiting[tenant] == nil { turns.append(tenant) }
        waiting[tenant, default: []].append(request)
        waitingSources[request.source, default: 0] += 1
    }

    /// Starts a scan and returns its participants. Later reads wait for the next one, unless the running scan can still take them.
    mutating func scanBegan() -> [ID] {
        defer {
            waiting = [:]
            turns = []
            waitingSources = [:]
        }
        return turns.flatMap { waiting[$0, default: []].map(\.id) }
    }

    /// The scan is long: filtered reads begin again.
    mutating func scanIsLong() {
        if scanState == .running { scanState = .long }
    }

    /// Ends the scan; the next one begins after the pause.
    mutating func scanEnded() { scanState = .pausing }

    /// Ends the pause after a scan.
    mutating func pauseEnded() { scanState = .idle }

    /// Ends a filtered read; another may take its place.
    mutating func filteredReadEnded(of tenant: Tenant) {
        let left = (filtered[tenant] ?? 1) - 1
        filtered[tenant] = left == 0 ? nil : left
        filteredCount -= 1
    }

    /// Removes a read that was cancelled while it waited.
    mutating func withdrawn(_ id: ID, of tenant: Tenant) {
        guard let index = waiting[tenant]?.firstIndex(where: { $0.id == id }) else { return }
        take([id], of: waiting[tenant, default: []][index].source)
    }

    /// Returns the next step; nil when nothing can begin now.
    mutating func next() -> Action? {
        if waitingSources.count > Self.sourcesForScan, scanState == .idle {
            scanState = .running
            return .scan
        }
        // Many tenants wait for the scan, which serves all: filtered reads would take the server's time from it. Many sources of one tenant do not keep
        // others from their places.
        if waiting.count > Self.sourcesForScan, scanState != .long { return nil }
        guard filteredCount < limit, let tenant = turns.first(where: { filtered[$0, default: 0] < limitPerTenant }) else { return nil }
        return readNext(of: tenant)
    }

    /// Gives a place to the tenant's first waiting read, and to those near it.
    private mutating func readNext(of tenant: Tenant) -> Action {
        guard let first = waiting[tenant]?.first else { preconditionFailure("a tenant in turns has a read that waits") }
        let reach = Self.reach * UInt64(1 + waitingSources[first.source, default: 0] / Self.crowd)
        let near = waiting[tenant, default: []].filter { request in
            let distance = request.after > first.after ? request.after - first.after : first.after - request.after
            return request.source == first.source && distance <= reach
        }
        let ids = near.map(\.id)
        take(Set(ids), of: first.source)
        // Then the other tenants.
        if let turn = turns.firstIndex(of: tenant) { turns.append(turns.remove(at: turn)) }
        filtered[tenant, default: 0] += 1
        filteredCount += 1
        return .readFiltered(ids, of: tenant)
    }

    /// Takes waiting reads of a source out.
    private mutating func take(_ ids: Set<ID>, of source: LogSource) {
        let tenant = source.tenant
        waiting[tenant]?.removeAll { ids.contains($0.id) }
        if waiting[tenant]?.isEmpty == true {
            waiting[tenant] = nil
            turns.removeAll { $0 == tenant }
        }
        let left = waitingSources[source, default: 0] - ids.count
        waitingSources[source] = left > 0 ? left : nil
    }
}
