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
    /// From this duration on, filtered reads begin again, and no pause follows.
    private static let longScan: Duration = .seconds(1)

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
            forget(pendingRead, on: log)
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
        plan.requested(ReadPlan.Request(id: pendingRead.id, source: pendingRead.source, after: pendingRead.after))
        performActions(on: log)
    }

    private func forget(_ pendingRead: PendingRead, on log: EventLog) {
        guard pendingReads.removeValue(forKey: pendingRead.id) != nil else { return }
        plan.withdrawn(pendingRead.id, of: pendingRead.source.tenant)
        performActions(on: log)
    }

    private func performActions(on log: EventLog) {
        while let action = plan.next() {
            switch action {
            case .readFiltered(let ids, let tenant): Task { await self.readFiltered(ids, of: tenant, on: log) }
            case .scan: Task { await self.scanForAll(on: log) }
            }
        }
    }

    private func readFiltered(_ ids: [ReadPlan.ID], of tenant: Tenant, on log: EventLog) async {
        // Those that were cancelled meanwhile are gone.
        let waiting = ids.compactMap { pendingReads[$0] }
        if let source = waiting.first?.source { await FilteredRead(waiting, of: source, in: log).run() }
        plan.filteredReadEnded(of: tenant)
        performActions(on: log)
    }

    private func scanForAll(on log: EventLog) async {
        let start = ContinuousClock.now
        let waiting = plan.scanBegan().compactMap { pendingReads[$0] }
        if !waiting.isEmpty {
            let scan = StreamScan(waiting, filter: nil, of: log)
            self.scan = scan
            let watch = Task {
                try await Task.sleep(for: Self.longScan)
                self.isLong(scan, on: log)
            }
            await scan.run()
            watch.cancel()
            self.scan = nil
        }
        plan.scanEnded()
        // No pause after a long scan: reads have queued while it ran, and their deadlines are running.
        let duration = start.duration(to: .now)
        if duration < Self.longScan { try? await Task.sleep(for: duration) }
        plan.pauseEnded()
        performActions(on: log)
    }

    private func isLong(_ scan: StreamScan, on log: EventLog) {
        guard self.scan === scan else { return }
        plan.scanIsLong()
        performActions(on: log)
    }
}
