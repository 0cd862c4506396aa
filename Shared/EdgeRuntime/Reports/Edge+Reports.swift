extension Edge {
    /// Returns a page of the connections that match, and the state of the feed. Delivery continues meanwhile.
    public func connections(_ query: ConnectionQuery) async -> ConnectionPage {
        var page = ConnectionPage()
        page.interruption = self.isFollowing ? nil : self.interruption
        page.position = self.position
        let hubs = self.hubs
        // A tenant without connections costs no look at those of others.
        let isPresent = query.tenant.map { self.connectionCount(of: $0) > 0 } ?? true
        var place: ConnectionQuery.Place? = isPresent ? query.place ?? ConnectionQuery.Place(loop: 0, slot: 0) : nil
        while let current = place, current.loop < hubs.count, page.open.count < query.limit {
            var rest = query
            rest.limit -= page.open.count
            let (reports, next) = await hubs[current.loop].reports(rest, from: current.slot)
            page.open += reports
            place = ConnectionQuery.Place(loop: next == nil ? current.loop + 1 : current.loop, slot: next ?? 0)
        }
        page.next = place.flatMap { $0.loop < hubs.count ? $0 : nil }
        guard query.place == nil else { return page }
        for hub in hubs {
            let (reports, since) = await hub.closedReports(query)
            page.closed += reports
            page.closedSince = max(page.closedSince ?? since, since)
        }
        if let since = page.closedSince {
            let newest = ConnectionReport.newest(page.closed, since: since, limit: query.limit)
            (page.closed, page.closedSince) = (newest.reports, newest.since)
        }
        return page
    }
}
