import Glibc

/// A server under load: the edge or the bare loop.
final class LoadTarget {
    /// How long a pause is before a measurement, so that what came before has ended; nanoseconds.
    private static let pause: UInt64 = 200_000_000

    let address: SocketAddress
    let publisher: any Publisher
    private let meter: ProcessMeter
    private let client: LoadClient
    /// For each tenant: streams that are open, and events published.
    private var tenants: [(streams: Int, events: UInt64)]
    private var nextTenant = 0

    init(address: SocketAddress, processID: pid_t, publisher: any Publisher, client: LoadClient, tenants: Int) {
        self.address = address
        self.publisher = publisher
        self.meter = ProcessMeter(processID: processID)
        self.client = client
        self.tenants = Array(repeating: (0, 0), count: tenants)
    }

    /// The tenant of the stream that is opened as the `index`th.
    func tenant(ofStream index: Int) -> Int { index % tenants.count }

    /// Opens streams and measures what that takes.
    /// - Parameters:
    ///   - range: which of all streams of this target.
    ///   - request: the handshake of one of them.
    func open(_ range: Range<Int>, request: (Int) -> [UInt8]) throws(LoadError) -> OpeningFigures {
        let figures = try client.open(range.map { Opening(address: address, request: request($0)) }, measuring: meter)
        for index in range { tenants[tenant(ofStream: index)].streams += 1 }
        return figures
    }

    /// Publishes events to the tenants in turn and measures until every client has every one of them.
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

    /// Publishes to the tenant whose turn it is. Returns how many deliveries that makes.
    private func publishOne() throws(LoadError) -> Int {
        let tenant = nextTenant
        nextTenant = (tenant + 1) % tenants.count
        tenants[tenant].events += 1
        try publisher.publish(tenant: tenant, counter: tenants[tenant].events)
        return tenants[tenant].streams
    }
}
