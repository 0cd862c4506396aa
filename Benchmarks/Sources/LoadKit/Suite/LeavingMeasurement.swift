import Glibc

/// CPU time of the edge while clients of one large tenant leave and others join, compared with the bare loop and as many clients.
struct LeavingMeasurement: Measurement {
    let name = "leaving"

    private static let perSecond = 500
    private static let seconds = 10
    /// Steps per second: so many that the handshakes of one step do not queue.
    private static let stepsPerSecond = 50

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        // Server and load need a descriptor per member, and the server keeps a reserve; loopback needs a port per member.
        let members = min(options.size(50_000, quick: 1000), SystemCall.raiseDescriptorLimit() - 2000, 26_000)
        let deployment = try Deployment(options, name: "leaving")
        defer { deployment.stop() }
        let edge = try deployment.start(.sseEdge, ["MAX_CONNECTIONS": "0"])
        let bare = try BareLoop.pinned(options, NotificationSurface())
        defer { bare.stop() }
        let request = MeasuredSurface.sse.request(options)
        log("\(members) members of the edge")
        let measured = try shares(of: edge.meter, Opening(address: edge.address, request: request), members, options)
        log("\(members) members of the bare loop")
        let meter = ProcessMeter(processID: bare.processID)
        let reference = try shares(of: meter, Opening(address: bare.address, request: request), members, options)
        return [
            SuiteRow(
                title: "\(Figure.text(Double(members), digits: 0)) members, \(Self.perSecond) leave and come a second",
                unit: "% of a core",
                digits: 1,
                values: measured,
                reference: SuiteRow.Reference(name: "bare C", values: reference),
                target: "≤ 10 % of a core"
            )
        ]
    }

    /// Returns the percentage of a core, by round.
    private func shares(of meter: ProcessMeter, _ opening: Opening, _ members: Int, _ options: SuiteOptions) throws(LoadError) -> [Double] {
        let client = try LoadClient(threads: 1, surface: NotificationSurface())
        defer { client.stop() }
        _ = try client.open(Array(repeating: opening, count: members))
        let step = Array(repeating: opening, count: Self.perSecond / Self.stepsPerSecond)
        let interval = UInt64(1_000_000_000 / Self.stepsPerSecond)
        let steps = options.isQuick ? Self.stepsPerSecond : Self.seconds * Self.stepsPerSecond
        var shares: [Double] = []
        for _ in 1...options.rounds {
            let processor = try meter.processorTime()
            let began = MonotonicClock.now()
            for index in 0..<steps {
                MonotonicClock.sleep(until: began + UInt64(index) * interval)
                try client.replace(with: step)
            }
            MonotonicClock.sleep(until: began + UInt64(steps) * interval)
            let spent = try meter.processorTime() - processor
            shares.append(Double(spent) / Double(MonotonicClock.now() - began) * 100)
        }
        return shares
    }
}
