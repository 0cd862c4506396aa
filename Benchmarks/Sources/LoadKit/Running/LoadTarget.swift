import Glibc

/// A server under load: the edge or the bare loop.
final class LoadTarget {
    /// Pause before a measurement, so that earlier work has ended; nanoseconds.
    private static let pause: UInt64 = 200_000_000

    let address: SocketAddress
    let publisher: any Publisher
    private let meter: ProcessMeter
    private let client: LoadClient
    /// Number of open streams and published events, by tenant.
    private var tenants: [(streams: Int, events: UInt64)]
    private var nextTenant = 0

    init(address: SocketAddress, processID: pid_t, publisher: any Publisher, client: LoadClient, tenants: Int) {
        self.address = address
        self.publisher = publisher
        self.meter = ProcessMeter(processID: processID)
        self.client = client
        self.tenants = Array(repeating: (0, 0), count: tenants)
    }

    /// Returns the tenant of the stream with an index.
    func tenant(ofStream index: Int) -> Int { index % tenants.count }

    /// Opens streams and measures the cost.
    /// - Parameters:
    ///   - range: indices of the streams.
    ///   - request: returns the handshake of a stream.
    func open(_ range: Range<Int>, request: (Int) -> [UInt8]) throws(LoadError) -> OpeningFigures {
        let figures = try client.open(range.map { Opening(address: address, request: request($0)) }, measuring: meter)
        for index in range { tenants[tenant(ofStream: index)].streams += 1 }
        return figures
    }

    /// Publishes events to the tenants in turn, and measures until every client has all of its events.
    /// - Parameters:
    ///   - interval: nanoseconds between two events; nil publishes as fast as possible.
    func load(events: Int, interval: Double?) throws(LoadError) -> LoadFigures {
        MonotonicClock.sleep(until: MonotonicClock.now() + Self.pause)
        try client.check()
        _ = client.takeTally()
        var expected = client.delivered
        let before = try Usage.now(of: meter)
        let began = MonotonicClock.now()
        for index in 0..<events {
            if let interval { MonotonicClock.sleep(until: began + UInt64(Double(index) * interval)) }
            expected += try publishOne()
            if interval != nil { try publisher.push() }
        }
        try publisher.settle()
        try client.awaitDeliveries(expected)
        let used = try Usage.now(of: meter).since(before)
        let tally = client.takeTally()
        guard tally.misplaced == 0 else {
            throw LoadError("\(tally.misplaced) deliveries were lost, doubled or out of order; the figures would not be true.")
        }
        let paced = UInt64(Double(events) * (interval ?? 0))
        return LoadFigures(
            tally: tally,
            wall: max(tally.lastDelivery - began, paced),
            processor: used.server,
            clientProcessor: used.load,
            waited: used.waited
        )
    }

    /// Publishes to the next tenant. Returns the number of deliveries.
    private func publishOne() throws(LoadError) -> Int {
        let tenant = nextTenant
        nextTenant = (tenant + 1) % tenants.count
        tenants[tenant].events += 1
        try publisher.publish(tenant: tenant, counter: tenants[tenant].events)
        return tenants[tenant].streams
    }
}
