/// Resident memory per idle stream: 10,000 streams of one tenant on each surface, and 10,000 tenants with one stream each.
struct MemoryMeasurement: Measurement {
    let name = "memory"

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        var rows: [SuiteRow] = []
        for (measured, target) in [(MeasuredSurface.sse, 350), (.webSocket, 400), (.relay, 600)] {
            rows.append(try self.row("idle \(measured.title) stream, one tenant", measured, tenants: false, target, options, log))
        }
        rows.append(try self.row("idle SSE stream, a tenant each", .sse, tenants: true, 1500, options, log))
        return rows
    }

    private func row(
        _ title: String,
        _ measured: MeasuredSurface,
        tenants: Bool,
        _ target: Int,
        _ options: SuiteOptions,
        _ log: @escaping (String) -> Void
    ) throws(LoadError) -> SuiteRow {
        let count = options.size(10_000, quick: 500)
        let one = measured.request(options)
        let requests = (0..<count).map { tenants ? measured.request(options, tenant: "t-\($0)") : one }
        var values: [Double] = []
        for round in 1...options.rounds {
            log("\(title), round \(round) of \(options.rounds)")
            // Each round has a new process, so that rounds do not share freed memory.
            let deployment = try Deployment(options, name: "memory-\(measured.program.rawValue)-\(tenants)-\(round)")
            defer { deployment.stop() }
            let edge = try deployment.start(measured.program)
            let client = try LoadClient(threads: 1, surface: measured.surface)
            defer { client.stop() }
            // Excludes one-time costs of the server.
            _ = try client.open(Array(repeating: Opening(address: edge.address, request: one), count: count / 10))
            let figures = try client.open(requests.map { Opening(address: edge.address, request: $0) }, measuring: edge.meter)
            values.append(figures.residentPerStream)
        }
        return SuiteRow(title: title, unit: "bytes", digits: 0, values: values, target: "≤ \(Figure.text(Double(target), digits: 0))")
    }
}
