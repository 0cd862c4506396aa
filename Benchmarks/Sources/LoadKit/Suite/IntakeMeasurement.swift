import Glibc

/// CPU time of `event-producer serve` per request with one event, and per event in batches, compared with a minimal route of the same HTTP
/// server.
struct IntakeMeasurement: Measurement {
    let name = "intake"

    private static let clients = 64
    private static let batch = 100

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        let deployment = try Deployment(options, name: "intake")
        defer { deployment.stop() }
        let intake = try deployment.start(.intake)
        let yardstick = try deployment.start(.yardstick)
        let token = options.token(roles: ["producer"])
        let event = IntakeRequest.event(Tick(counter: 1, sent: MonotonicClock.now()))
        let single = IntakeRequest.exchange(token: token, events: event, count: 1)
        let batched = IntakeRequest.exchange(
            token: token,
            events: [UInt8(ascii: "[")] + Array(repeatElement(event, count: Self.batch).joined(separator: [UInt8(ascii: ",")])) + [
                UInt8(ascii: "]")
            ],
            count: Self.batch
        )
        let requests = options.size(10_000, quick: 640)
        let toIntake = try Load(intake)
        let toYardstick = try Load(yardstick)
        _ = try toIntake.processorTime(of: single, count: requests / 10)
        _ = try toYardstick.processorTime(of: single, count: requests / 10)
        var (one, reference, many): ([Double], [Double], [Double]) = ([], [], [])
        for round in 1...options.rounds {
            log("round \(round) of \(options.rounds)")
            one.append(try toIntake.processorTime(of: single, count: requests))
            reference.append(try toYardstick.processorTime(of: single, count: requests))
            many.append(try toIntake.processorTime(of: batched, count: requests / 20) / Double(Self.batch))
        }
        return [
            SuiteRow(
                title: "intake, a request with one event",
                unit: "µs",
                digits: 1,
                values: one,
                reference: SuiteRow.Reference(name: "Hummingbird", values: reference),
                target: "≤ 1.5"
            ),
            SuiteRow(title: "intake, an event in batches of 100", unit: "µs", digits: 1, values: many, target: "≤ 8 µs"),
        ]
    }

    /// The clients of one program.
    private struct Load {
        let loop: ExchangeLoop
        let meter: ProcessMeter

        init(_ service: Deployment.Service) throws(LoadError) {
            loop = try ExchangeLoop(address: service.address, clients: IntakeMeasurement.clients)
            meter = service.meter
        }

        /// Returns the program's CPU time per request; microseconds.
        func processorTime(of exchange: Exchange, count: Int) throws(LoadError) -> Double {
            let before = try meter.processorTime()
            _ = try loop.run(Array(repeating: exchange, count: count))
            return Double(try meter.processorTime() - before) / Double(count) / 1000
        }
    }
}

/// Requests and expected answers of `POST /v1/events` (contract §10).
enum IntakeRequest {
    /// Returns a request and its expected answer.
    ///
    /// - Parameter events: One event, or an array of `count`.
    static func exchange(token: String, events: [UInt8], count: Int) -> Exchange {
        Exchange(request: HTTPRequest.post("/v1/events", token: token, body: events), status: 202, mark: "\"accepted\":\(count)")
    }

    /// Returns an event with `tick`.
    static func event(_ tick: Tick, tenant: String = "load") -> [UInt8] {
        Array("{\"type\":\"\(TickPayload.Kind.tick.rawValue)\",\"tenant\":\"\(tenant)\",\"payload\":".utf8)
            + TickPayload(size: 200).bytes(tick)
            + [UInt8(ascii: "}")]
    }
}
