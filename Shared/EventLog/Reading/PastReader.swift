import Basics
import EventModel
import NATSClient

/// Reads what is older than the tail: a few tenants at a time by themselves, everybody else through one shared scan (``ReadPlan``).
actor PastReader {
    private var plan: ReadPlan
    private var tickets: [UInt64: ReadTicket] = [:]
    private var nextID: UInt64 = 0
    /// The shared scan under way.
    private var scan: StreamScan?

    init(filteredReads: Int) {
        plan = ReadPlan(limit: filteredReads)
    }

    /// One piece of a past; see ``EventLog/read(tenant:after:through:maxBytes:)``.
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
            let ticket = ReadTicket(id: nextID, source: source, after: after, through: through, maxBytes: maxBytes, deadline: deadline)
            submit(ticket, to: log)
            let outcome = await ticket.outcome()
            forget(ticket)
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

    private func submit(_ ticket: ReadTicket, to log: EventLog) {
        // A scan that has not come as far as this cursor serves it on the way.
        if let scan, scan.join(ticket) { return }
        tickets[ticket.id] = ticket
        perform(plan.requested(ticket.id), on: log)
    }

    private func forget(_ ticket: ReadTicket) {
        guard tickets.removeValue(forKey: ticket.id) != nil else { return }
        plan.withdrawn(ticket.id)
    }

    private func perform(_ action: ReadPlan.Action, on log: EventLog) {
        switch action {
        case .none:
            break
        case .readFiltered(let id):
            Task { await self.readFiltered(id, on: log) }
        case .scan:
            Task { await self.scanForAll(on: log) }
        }
    }

    private func readFiltered(_ id: UInt64, on log: EventLog) async {
        if let ticket = tickets[id] { await FilteredRead(ticket, of: log).run() }
        perform(plan.filteredReadEnded(id), on: log)
    }

    private func scanForAll(on log: EventLog) async {
        let waiting = plan.scanBegan().compactMap { tickets[$0] }
        if !waiting.isEmpty {
            let scan = StreamScan(waiting, filter: nil, of: log)
            self.scan = scan
            await scan.run()
            self.scan = nil
        }
        perform(plan.scanEnded(), on: log)
    }
}
