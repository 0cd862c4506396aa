/// Measures how long it takes until the clients of 1,000 tenants, ten of each, have the 100 events that each has missed, half of them older
/// than the edge's tail; and the latency of publishing meanwhile.
struct FleetMeasurement: Measurement {
    let name = "fleet"

    private static let missed = 100
    private static let clientsPerTenant = 10
    /// Returns a tail size for three quarters of the events: it holds the newer half, but not all of the older half.
    private static func tailBytes(_ events: Int) -> Int { events * 3 / 4 * 700 }

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        var (times, ratios): ([Double], [(quiet: Double, busy: Double)]) = ([], [])
        for round in 1...options.rounds {
            log("round \(round) of \(options.rounds)")
            let (time, quiet, busy) = try measure(options, round)
            times.append(time)
            ratios.append((quiet, busy))
        }
        let tenants = options.size(1000, quick: 20)
        let clients = Figure.text(Double(tenants * Self.clientsPerTenant), digits: 0)
        return [
            SuiteRow(
                title: "\(clients) clients of \(Figure.text(Double(tenants), digits: 0)) tenants come back",
                unit: "s",
                digits: 2,
                values: times,
                target: "≤ 5 s"
            ),
            SuiteRow(
                title: "publishing over HTTP meanwhile, p99",
                unit: "ms",
                digits: 2,
                values: ratios.map(\.busy),
                reference: SuiteRow.Reference(name: "quiet", values: ratios.map(\.quiet)),
                target: "≤ 3"
            ),
        ]
    }

    private func measure(_ options: SuiteOptions, _ round: Int) throws(LoadError) -> (seconds: Double, quiet: Double, busy: Double) {
        let names = (0..<options.size(1000, quick: 20)).map { "t-\($0)" }
        let deployment = try Deployment(options, name: "fleet-\(round)")
        defer { deployment.stop() }
        let intake = try deployment.start(.intake)
        let events = names.count * Self.missed
        let edge = try deployment.start(.sseEdge, ["EVENT_LOG_TAIL_BYTES": "\(Self.tailBytes(events))"])
        let publisher = try NATSPublisher(address: deployment.bus, tenants: names + ["other"], payload: TickPayload(size: 200))
        try publisher.publish(tenant: names.count, counter: 1)
        try publisher.settle()

        let stranger = MeasuredSurface.sse.request(options, tenant: "other")
        var openings: [Opening] = []
        for half in [0..<names.count / 2, names.count / 2..<names.count] {
            let cursor = try StreamHead.cursor(at: edge.address, stranger)
            for counter in 1...UInt64(Self.missed) {
                for tenant in half { try publisher.publish(tenant: tenant, counter: counter) }
            }
            try publisher.settle()
            try StreamHead.awaitCursor(after: cursor, at: edge.address, stranger)
            for tenant in half {
                let request = MeasuredSurface.sse.request(options, tenant: names[tenant], fields: "last-event-id: \(cursor)\r\n")
                openings += Array(repeating: Opening(address: edge.address, request: request), count: Self.clientsPerTenant)
            }
        }
        // Mix clients of both halves.
        var generator = SystemRandomNumberGenerator()
        openings.shuffle(using: &generator)

        let probe = try PublishProbe(address: intake.address, token: options.token(roles: ["producer"]))
        defer { probe.stop() }
        MonotonicClock.sleep(until: MonotonicClock.now() + 1_000_000_000)
        _ = try probe.take()
        MonotonicClock.sleep(until: MonotonicClock.now() + 3_000_000_000)
        let quiet = try probe.take()
        let client = try LoadClient(threads: 1, surface: NotificationSurface())
        defer { client.stop() }
        let began = MonotonicClock.now()
        _ = try client.open(openings)
        try client.awaitDeliveries(openings.count * Self.missed)
        let busy = try probe.take()
        let tally = client.takeTally()
        guard tally.misplaced == 0 else { throw LoadError("\(tally.misplaced) deliveries were lost, doubled or out of order.") }
        return (Double(tally.lastDelivery - began) / 1e9, Double(quiet.quantile(0.99)) / 1e6, Double(busy.quantile(0.99)) / 1e6)
    }
}
