import Glibc

/// CPU time per handshake: with a cached token, with a token that the edge has not seen, and of the bare loop, which accepts, reads and
/// writes.
struct HandshakeMeasurement: Measurement {
    let name = "handshakes"

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        var rows: [SuiteRow] = []
        for measured in [MeasuredSurface.sse, .webSocket] { rows += try handshakes(of: measured, options, log) }
        return rows
    }

    private func handshakes(of measured: MeasuredSurface, _ options: SuiteOptions, _ log: @escaping (String) -> Void) throws(LoadError)
        -> [SuiteRow]
    {
        let deployment = try Deployment(options, name: "handshakes-\(measured.program.rawValue)")
        defer { deployment.stop() }
        let edge = try deployment.start(measured.program)
        let bare = try BareLoop.pinned(options, measured.surface)
        defer { bare.stop() }
        let client = try LoadClient(threads: 1, surface: measured.surface)
        defer { client.stop() }
        let remembered = options.token(roles: measured.surface.roles)
        // All streams stay open until the end: at most three times the number of rounds, and within the usual descriptor limit.
        let count = options.size(1500, quick: 200)
        func openings(_ address: SocketAddress, _ count: Int, _ token: (Int) -> String) -> [Opening] {
            (0..<count).map { Opening(address: address, request: measured.request(token: token($0))) }
        }
        // Excludes one-time costs of the servers.
        _ = try client.open(openings(edge.address, count / 4) { _ in remembered })
        _ = try client.open(openings(bare.address, count / 4) { _ in "" })
        var (cached, fresh, reference): ([Double], [Double], [Double]) = ([], [], [])
        for round in 1...options.rounds {
            log("\(measured.title), round \(round) of \(options.rounds)")
            cached.append(try client.open(openings(edge.address, count) { _ in remembered }, measuring: edge.meter).processorPerHandshake)
            reference.append(
                try client.open(
                    openings(bare.address, count) { _ in "" },
                    measuring: ProcessMeter(processID: bare.processID)
                ).processorPerHandshake
            )
            let unknown = openings(edge.address, count) { options.token(user: "u-\(round)-\($0)", roles: measured.surface.roles) }
            fresh.append(try client.open(unknown, measuring: edge.meter).processorPerHandshake)
        }
        func row(_ token: String, _ values: [Double], _ target: String) -> SuiteRow {
            SuiteRow(
                title: "\(measured.title) handshake, \(token)",
                unit: "µs",
                digits: 1,
                values: values,
                reference: SuiteRow.Reference(name: "bare C", values: reference),
                target: target
            )
        }
        return [row("token in the cache", cached, "≤ 2.5"), row("fresh HS256 token", fresh, "≤ 3.5")]
    }
}

extension BareLoop {
    /// Starts a bare loop with the bytes of an edge of `surface`, on the CPU of the server under test.
    static func pinned(_ options: SuiteOptions, _ surface: any Surface) throws(LoadError) -> BareLoop {
        var payload = TickPayload(size: 200)
        payload.kind = surface.kind
        let bare = try BareLoop(path: options.bareLoop, surface: surface, payload: payload)
        if let affinity = options.affinity { try Affinity.pin(process: bare.processID, to: affinity.server) }
        return bare
    }
}
