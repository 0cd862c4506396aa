/// Deliveries compared with the bare loop, as ``LoadRun`` measures them: single events, and bursts.
struct DeliveryMeasurement: Measurement {
    let name = "deliveries"

    private static let rate = 10.0

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        var (single, saturated): ([SuiteRow], [SuiteRow]) = ([], [])
        for (measured, targets) in [
            (MeasuredSurface.sse, ("≤ 1.15", "≥ 1.0")), (.webSocket, ("≤ 1.15", "≥ 1.0")), (.relay, ("–", "≥ 0.8")),
        ] {
            let report = try self.report(on: measured, options) { log("\(measured.title), \($0)") }
            let paced = report.paced[Self.rate] ?? Pair()
            single.append(
                SuiteRow(
                    title: "\(measured.title) delivery, one event at a time",
                    unit: "µs",
                    digits: 2,
                    values: paced.edge.map(\.processorPerDelivery),
                    reference: SuiteRow.Reference(name: "bare C", values: paced.bare.map(\.processorPerDelivery)),
                    target: targets.0
                )
            )
            saturated.append(
                SuiteRow(
                    title: "\(measured.title) deliveries a second and core",
                    unit: "",
                    digits: 0,
                    values: report.burst.edge.map(\.deliveriesPerCore),
                    reference: SuiteRow.Reference(name: "gathering C", values: report.burst.bare.map(\.deliveriesPerCore)),
                    target: targets.1
                )
            )
        }
        return single + saturated
    }

    private func report(on measured: MeasuredSurface, _ options: SuiteOptions, _ log: @escaping (String) -> Void) throws(LoadError)
        -> LoadReport
    {
        let deployment = try Deployment(options, name: "deliveries-\(measured.program.rawValue)")
        defer { deployment.stop() }
        let edge = try deployment.start(measured.program)
        var load = try LoadOptions(arguments: []) { _ in nil }
        load.edge = LoadOptions.Edge(address: edge.address, processID: edge.processID, bus: deployment.bus)
        load.surface = measured.surface
        load.payload.kind = measured.surface.kind
        load.secret = options.secret
        load.connections = options.size(5000, quick: 300)
        load.rates = [Self.rate]
        load.seconds = options.isQuick ? 1 : 4
        load.burst = options.size(1000, quick: 300)
        load.rounds = options.rounds
        load.affinity = options.affinity
        load.bareLoopPath = options.bareLoop
        let run = try LoadRun(options: load, executableDirectory: "", log: log)
        defer { run.stop() }
        return try run.run()
    }
}
