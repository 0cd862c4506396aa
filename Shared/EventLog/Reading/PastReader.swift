import Basics
import EventModel
import NATSClient

/// Reads what is older than the tail: some filtered reads at a time, or one shared scan (``ReadPlan``).
actor PastReader {
    private var plan: ReadPlan
    private var pendingReads: [UInt64: PendingRead] = [:]
    private var nextID: UInt64 = 0
    /// The running shared scan.
    private var scan: StreamScan?
    /// A longer scan takes long.
    private static let brief: Duration = .seconds(1)

    init(filteredReads: Int) {
        plan = ReadPlan(limit: filteredReads)
    }

    /// Reads past entries; see ``EventLog/read(_:after:through:maxBytes:)``.
    func read(
        _ source: LogSource,
        after: UInt64,
        through: UInt64,
        maxBytes: Int,
        from log: EventLog
    ) async throws(EventLogError) -> LogRead {
        let deadline = ContinuousClock.now.advanced(by: log.configuration.readTimeout)
        var pause = Backoff()
        while true {
            nextID += 1
            let pendingRead = PendingRead(
                id: nextID,
                source: source,
                after: after,
                through: through,
                maxBytes: maxBytes,
                deadline: deadline
            )
            submit(pendingRead, to: log)
            let outcome = await pendingRead.outcome()
            forget(pendingRead)
            do throws(EventLogError) {
                switch outcome {
                case .read(let read): return try await log.checked(read, after: after)
                case .failed(let error): throw error
                }
            } catch {
                guard error.isRetriable, ContinuousClock.now < deadline else { throw error }
                try? await Task.sleep(for: pause.pause())
            }
        }
    }

    private func submit(_ pendingRead: PendingRead, to log: EventLog) {
        // A running scan that has not reached this cursor serves it too.
        if let scan, scan.join(pendingRead) { return }
        pendingReads[pendingRead.id] = pendingRead
        perform(plan.requested(ReadPlan.Request(id: pendingRead.id, source: pendingRead.source, after: pendingRead.after)), on: log)
    }

    private func forget(_ pendingRead: PendingRead) {
        guard pendingReads.removeValue(forKey: pendingRead.id) != nil else { return }
        plan.withdrawn(pendingRead.id, of: pendingRead.source.tenant)
    }

    /// Performs an action of the plan and those that are left.
    private func perform(_ action: ReadPlan.Action, on log: EventLog) {
        var action = action
        while true {
            switch action {
            case .none: return
            case .readFiltered(let ids, let tenant): Task { await self.readFiltered(ids, of: tenant, on: log) }
            case .scan: Task { await self.scanForAll(on: log) }
            }
            action = plan.next()
        }
    }

    private func readFiltered(_ ids: [ReadPlan.ID], of tenant: Tenant, on log: EventLog) async {
        // Those that were cancelled meanwhile are gone.
        let waiting = ids.compactMap { pendingReads[$0] }
        if let source = waiting.first?.source { await FilteredRead(waiting, of: source, in: log).run() }
        perform(plan.filteredReadEnded(of: tenant), on: log)
    }

    private func scanForAll(on log: EventLog) async {
        let start = ContinuousClock.now
        let waiting = plan.scanBegan().compactMap { pendingReads[$0] }
        if !waiting.isEmpty {
            let scan = StreamScan(waiting, filter: nil, of: log)
            self.scan = scan
            let watch = Task {
                try await Task.sleep(for: Self.brief)
                self.tookLong(scan, on: log)
            }
            await scan.run()
            watch.cancel()
            self.scan = nil
        }
        plan.scanEnded()
        // While a long one ran, others came; their deadlines run.
        let duration = start.duration(to: .now)
        if duration < Self.brief { try? await Task.sleep(for: duration) }
        perform(plan.restEnded(), on: log)
    }

    private func tookLong(_ scan: StreamScan, on log: EventLog) {
        if self.scan === scan { perform(plan.scanTookLong(), on: log) }
    }
}
