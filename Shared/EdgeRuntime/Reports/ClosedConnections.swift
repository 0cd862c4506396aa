import Basics
import DequeModule
import EventLog
import EventModel

/// The connections of a loop that were closed last, so that an operator finds out who was connected when. On the loop's thread.
///
/// Bounded for all tenants together. When it is full, the tenant with the most connections loses its oldest one: a tenant whose clients
/// reconnect all the time does not displace the others.
struct ClosedConnections {
    private struct Shelf {
        var reports: Deque<ConnectionReport> = []
        /// When the newest connection was closed that is no longer here.
        var droppedThrough: Timestamp?
    }

    private let limit: Int
    private var shelves: [Tenant: Shelf] = [:]
    private var count = 0
    /// As ``Shelf/droppedThrough``, for tenants without a shelf; at first, when recording began.
    private var droppedThrough: Timestamp

    /// - Parameters:
    ///   - limit: the most connections of all tenants together.
    ///   - start: when recording begins.
    init(limit: Int, start: Timestamp) {
        self.limit = limit
        self.droppedThrough = start
    }

    /// Adds a connection that has been closed.
    mutating func append(_ report: ConnectionReport) {
        self.shelves[report.source.tenant, default: Shelf()].reports.append(report)
        self.count += 1
        if self.count > self.limit { self.dropOne() }
    }

    private mutating func dropOne() {
        guard let tenant = self.shelves.max(by: { $0.value.reports.count < $1.value.reports.count })?.key,
            var shelf = self.shelves.removeValue(forKey: tenant), let dropped = shelf.reports.popFirst()
        else { return }
        self.count -= 1
        shelf.droppedThrough = dropped.end?.time ?? shelf.droppedThrough
        if shelf.reports.isEmpty {
            self.droppedThrough = max(self.droppedThrough, shelf.droppedThrough ?? self.droppedThrough)
        } else {
            self.shelves[tenant] = shelf
        }
    }

    /// Returns the connections that match, the last one first, and since when none that match are missing.
    func matching(_ query: ConnectionQuery) -> (reports: [ConnectionReport], since: Timestamp) {
        var since = self.droppedThrough
        var reports: [ConnectionReport] = []
        for (tenant, shelf) in self.shelves where query.tenant.map({ $0 == tenant }) ?? true {
            since = max(since, shelf.droppedThrough ?? since)
            reports += shelf.reports.lazy.filter { query.matches($0.source, $0.user) }
        }
        return ConnectionReport.newest(reports, since: since, limit: query.limit)
    }
}

extension ConnectionReport {
    /// Returns at most `limit` closed connections, the last one first, and since when none are missing.
    static func newest(_ reports: [ConnectionReport], since: Timestamp, limit: Int) -> (reports: [ConnectionReport], since: Timestamp) {
        func time(_ report: ConnectionReport) -> Timestamp { report.end?.time ?? report.since }
        let sorted = reports.sorted { time($0) > time($1) }
        guard sorted.count > limit else { return (sorted, since) }
        return (Array(sorted.prefix(limit)), max(since, time(sorted[limit])))
    }
}
