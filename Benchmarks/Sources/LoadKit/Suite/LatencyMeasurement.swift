/// Latency from just before an event is posted to the intake until a client of the SSE edge has received it.
struct LatencyMeasurement: Measurement {
    let name = "latency"

    private static let streams = 100
    private static let rate = 50.0
    private static let busyTime: UInt64 = 200_000

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        let deployment = try Deployment(options, name: "latency")
        defer { deployment.stop() }
        // Not pinned: it wakes the edge, and on one CPU one would wait for the other.
        let intake = try deployment.start(.intake, isPinned: false)
        let edge = try deployment.start(.sseEdge)
        let client = try LoadClient(threads: 1, surface: NotificationSurface(), busyTime: Self.busyTime)
        defer { client.stop() }
        let target = LoadTarget(
            address: edge.address,
            processID: edge.processID,
            publisher: HTTPPublisher(address: intake.address, tenants: ["load"], token: options.token(roles: ["producer"])),
            client: client,
            tenants: 1
        )
        let request = MeasuredSurface.sse.request(options)
        _ = try target.open(0..<Self.streams) { _ in request }
        _ = try target.load(events: 20, interval: 1e9 / Self.rate)
        var (median, late): ([Double], [Double]) = ([], [])
        for round in 1...options.rounds {
            log("round \(round) of \(options.rounds)")
            let figures = try target.load(events: options.size(500, quick: 50), interval: 1e9 / Self.rate)
            median.append(figures.latency(0.5))
            late.append(figures.latency(0.99))
        }
        return [
            SuiteRow(title: "publish over HTTP to receive, p50", unit: "ms", digits: 2, values: median, target: "≤ 0.6 ms"),
            SuiteRow(title: "publish over HTTP to receive, p99", unit: "ms", digits: 2, values: late, target: "≤ 2 ms"),
        ]
    }
}
