import Basics
import EventLog
import EventModel

extension LoopHub {
    /// Slots looked at, and connections reported, before the loop serves others.
    private static let slotsAtOnce = 1024
    private static let reportsAtOnce = 64

    /// Reports the open connections that match, from a slot on: at most the query's limit. In bounded pieces, between which the loop delivers.
    ///
    /// - Returns: the reports, and the slot of the next page; nil when there is none.
    func reports(_ query: ConnectionQuery, from slot: Int) async -> (reports: [ConnectionReport], next: Int?) {
        var reports: [ConnectionReport] = []
        var slot = slot
        while slot < self.connections.slots.count {
            slot = self.reportPiece(query, from: slot, to: &reports)
            if reports.count >= query.limit { return (reports, slot < self.connections.slots.count ? slot : nil) }
            await Task.yield()
        }
        return (reports, nil)
    }

    /// Reports the connections of some slots, and returns the next slot.
    private func reportPiece(_ query: ConnectionQuery, from start: Int, to reports: inout [ConnectionReport]) -> Int {
        let enough = min(query.limit, reports.count + Self.reportsAtOnce)
        for slot in start..<min(start + Self.slotsAtOnce, self.connections.slots.count) {
            guard reports.count < enough else { return slot }
            guard let connection = self.connections.slots[slot], connection.wasAdmitted,
                let report = connection.assumeIsolated({ $0.report(matching: query) })
            else { continue }
            reports.append(report)
        }
        return min(start + Self.slotsAtOnce, self.connections.slots.count)
    }

    /// Reports the recently closed connections that match.
    func closedReports(_ query: ConnectionQuery) -> (reports: [ConnectionReport], since: Timestamp) {
        self.closedConnections.matching(query)
    }
}

extension EdgeConnection {
    /// The connection's id in reports and log lines.
    var id: String { "\(self.hub.number)-\(self.handle.slot)-\(self.handle.generation)" }

    /// Returns a report if the connection matches and is open; asks the kernel about the socket.
    func report(matching query: ConnectionQuery) -> ConnectionReport? {
        guard self.state.phase != .closed, query.matches(self.group.chain.source, self.audience.user) else { return nil }
        var report = self.report()
        report.unacknowledged = self.socket.unacknowledgedBytes()
        report.address = self.socket.peerAddress()
        return report
    }

    /// Returns a report of what the connection itself knows.
    ///
    /// - Parameter ending: why it was closed; nil while it is open.
    func report(closedBy ending: Ending? = nil) -> ConnectionReport {
        let hub = self.hub
        let now = hub.configuration.wallClock()
        let age = Duration.nanoseconds(Int64(clamping: hub.loop.now().nanoseconds - self.openedAt.nanoseconds))
        let sequence = self.progress.sequence
        return ConnectionReport(
            id: self.id,
            surface: String(self.group.chain.encoder.name.prefix { $0 != "+" }),
            source: self.group.chain.source,
            user: self.audience.user,
            requestID: self.requestID,
            since: now.advanced(by: .zero - age),
            start: self.start,
            position: hub.assumeIsolated { $0.cursor(at: sequence) },
            lag: self.lag,
            filter: self.audience.filter,
            subscriptions: self.conversation?.subscribed,
            bytes: self.bytes,
            deliveries: self.deliveries,
            end: ending.map { ConnectionReport.End(time: now, cause: $0.description) }
        )
    }

    /// The number of entries of its source behind the position; nil when some have left memory.
    private var lag: Int? {
        let position = ChainPosition(generation: self.generation, sequence: self.progress.sequence)
        if let count = self.group.chain.count(after: position) { return count }
        // The tail holds tenants' events of the current generation only.
        guard case .events(let tenant) = self.group.chain.source,
            self.generation == self.group.chain.end.generation
        else { return nil }
        return self.hub.tail.count(tenant: tenant, after: position.sequence)
    }
}
