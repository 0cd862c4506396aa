/// Measures how long it takes until 1,000 clients that reconnect at once, each missing 100 events, have received them.
struct ReconnectMeasurement: Measurement {
    let name = "reconnects"

    private static let missed = 100

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        let deployment = try Deployment(options, name: "reconnects")
        defer { deployment.stop() }
        let edge = try deployment.start(.sseEdge)
        let publisher = try NATSPublisher(address: deployment.bus, tenants: ["load"], payload: TickPayload(size: 200))
        let clients = options.size(1000, quick: 100)
        var counter: UInt64 = 0
        var values: [Double] = []
        for round in 0...options.rounds {
            log(round == 0 ? "warming up" : "round \(round) of \(options.rounds)")
            let cursor = try StreamHead.cursor(at: edge.address, MeasuredSurface.sse.request(options))
            let before = counter
            for _ in 0..<Self.missed {
                counter += 1
                try publisher.publish(tenant: 0, counter: counter)
            }
            try publisher.settle()
            // The edge has the events when a new client's stream begins behind them.
            try StreamHead.awaitCursor(after: cursor, at: edge.address, MeasuredSurface.sse.request(options))
            let request = MeasuredSurface.sse.request(options, fields: "last-event-id: \(cursor)\r\n")
            let client = try LoadClient(threads: 1, surface: NotificationSurface())
            defer { client.stop() }
            let began = MonotonicClock.now()
            _ = try client.open(Array(repeating: Opening(address: edge.address, request: request, lastCounter: before), count: clients))
            try client.awaitDeliveries(clients * Self.missed)
            let tally = client.takeTally()
            guard tally.misplaced == 0 else { throw LoadError("\(tally.misplaced) deliveries were lost, doubled or out of order.") }
            if round > 0 { values.append(Double(tally.lastDelivery - began) / 1e9) }
        }
        let title = "\(Figure.text(Double(clients), digits: 0)) clients come back, each missing \(Self.missed)"
        return [SuiteRow(title: title, unit: "s", digits: 3, values: values, target: "≤ 0.15 s")]
    }
}
