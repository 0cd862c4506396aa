import Glibc

/// Latency of deliveries to healthy endpoints while others are in trouble, deliveries a second, and memory of idle endpoints.
///
/// Fails when a healthy endpoint loses an event, or gets one twice or out of order.
struct WebhookMeasurement: Measurement {
    let name = "webhooks"

    private static let tenants = 50
    /// Events per second, to the tenants in turn.
    private static let rate = 100
    /// Time limit for the last deliveries, in seconds.
    private static let patience: UInt64 = 60

    /// The figures of one round: milliseconds, deliveries a second, and microseconds of the dispatcher's processor time a delivery.
    private struct Figures {
        var quietMedian, quietLate, troubledMedian, troubledLate, throughput, processor: Double
    }

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        let count = options.size(1000, quick: 100)
        var figures: [Figures] = []
        for round in 1...options.rounds {
            log("round \(round) of \(options.rounds): \(count) endpoints")
            figures.append(try measure(count, round, options))
        }
        let endpoints = Figure.text(Double(count), digits: 0)
        func latency(_ title: String, _ values: [Double], beside quiet: [Double], _ target: String) -> SuiteRow {
            let reference = SuiteRow.Reference(name: "all healthy", values: quiet)
            return SuiteRow(title: title, unit: "ms", digits: 1, values: values, reference: reference, target: target)
        }
        return [
            latency("healthy of \(endpoints) endpoints, p50", figures.map(\.troubledMedian), beside: figures.map(\.quietMedian), ""),
            latency("healthy of \(endpoints) endpoints, p99", figures.map(\.troubledLate), beside: figures.map(\.quietLate), "≤ 1.2"),
            SuiteRow(title: "deliveries a second", unit: "/s", digits: 0, values: figures.map(\.throughput), target: "≥ 5,000 /s"),
            SuiteRow(title: "processor time a delivery", unit: "µs", digits: 0, values: figures.map(\.processor), target: ""),
            try memory(options, log),
        ]
    }

    // MARK: Deliveries

    /// Of 100 endpoints 10 are dead, 10 slow, 5 flapping. Neighbours are of different tenants, so each tenant has its part.
    private static func manner(_ endpoint: Int) -> ReceiverManner {
        switch (endpoint / tenants * 7 + endpoint) % 20 {
        case 0, 1: .dead
        case 2, 3: .slow
        case 4: .flapping
        default: .healthy
        }
    }

    private func measure(_ count: Int, _ round: Int, _ options: SuiteOptions) throws(LoadError) -> Figures {
        let deployment = try Deployment(options, name: "webhooks-\(round)")
        defer { deployment.stop() }
        let receiver = try WebhookReceiver((0..<count).map(Self.manner))
        defer { receiver.stop() }
        let dispatcher = try Self.dispatcher(in: deployment)
        try Self.register(count, of: Self.tenants, at: receiver, dispatcher, options)
        let events = try WebhookEvents(on: deployment.bus, tenants: Self.names(Self.tenants), to: receiver)

        let seconds = Double(options.size(30, quick: 2))
        // Opens connections.
        try events.run(seconds: 2, rate: Self.rate, patience: Self.patience)
        _ = try receiver.takeLatency()
        try events.run(seconds: seconds, rate: Self.rate, patience: Self.patience)
        let quiet = try receiver.takeLatency()

        let burst = options.size(2500, quick: 100)
        let before = try dispatcher.meter.processorTime()
        let wall = try events.burst(burst, patience: Self.patience)
        let processor = try dispatcher.meter.processorTime() - before
        _ = try receiver.takeLatency()
        let deliveries = burst * count / Self.tenants

        receiver.setTroubled(true)
        try events.run(seconds: seconds, rate: Self.rate, patience: Self.patience)
        let troubled = try receiver.takeLatency()
        func milliseconds(_ latency: LatencyHistogram, _ share: Double) -> Double { Double(latency.quantile(share)) / 1e6 }
        return Figures(
            quietMedian: milliseconds(quiet, 0.5),
            quietLate: milliseconds(quiet, 0.99),
            troubledMedian: milliseconds(troubled, 0.5),
            troubledLate: milliseconds(troubled, 0.99),
            throughput: Double(deliveries) / (Double(wall) / 1e9),
            processor: Double(processor) / Double(deliveries) / 1000
        )
    }

    // MARK: Memory

    /// Compares two new processes: one of a bus with idle endpoints, one of a bus with a single one, which has paid for what every process needs once.
    private func memory(_ options: SuiteOptions, _ log: @escaping (String) -> Void) throws(LoadError) -> SuiteRow {
        let (tenants, count) = (options.size(1000, quick: 100), options.size(10_000, quick: 1000))
        log("\(count) idle endpoints")
        func resident(endpoints: Int, _ name: String) throws(LoadError) -> Int {
            let deployment = try Deployment(options, name: "webhooks-memory-\(name)")
            defer { deployment.stop() }
            let receiver = try WebhookReceiver(Array(repeating: .healthy, count: endpoints))
            defer { receiver.stop() }
            try Self.register(endpoints, of: min(tenants, endpoints), at: receiver, try Self.dispatcher(in: deployment), options)
            return try Self.dispatcher(in: deployment).meter.settledResidentBytes()
        }
        var values: [Double] = []
        for round in 1...options.rounds {
            let without = try resident(endpoints: 1, "single-\(round)")
            values.append(Double(try resident(endpoints: count, "idle-\(round)") - without) / Double(count - 1))
        }
        return SuiteRow(title: "idle endpoint", unit: "bytes", digits: 0, values: values, target: "≤ 512")
    }

    // MARK: Endpoints

    private static func names(_ count: Int) -> [String] { (0..<count).map { "tenant-\($0)" } }

    private static func dispatcher(in deployment: Deployment) throws(LoadError) -> Deployment.Service {
        // Not pinned: the target is for the whole machine.
        try deployment.start(.dispatcher, ["WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "RATE_LIMIT": "0"], isPinned: false)
    }

    /// Registers endpoints, of the tenants in turn, and waits until each has answered its ping.
    private static func register(
        _ count: Int,
        of tenants: Int,
        at receiver: WebhookReceiver,
        _ dispatcher: Deployment.Service,
        _ options: SuiteOptions
    ) throws(LoadError) {
        let tokens = names(tenants).map { options.token(tenant: $0, roles: ["admin"]) }
        let exchanges = (0..<count).map { endpoint in
            let body = #"{"url":"\#(receiver.url(of: endpoint))","types":["load.*"]}"#
            let request = HTTPRequest.post("/v1/webhooks", token: tokens[endpoint % tenants], body: Array(body.utf8))
            return Exchange(request: request, status: 201, mark: "whsec_")
        }
        _ = try ExchangeLoop(address: dispatcher.address, clients: 16).run(exchanges)
        try receiver.awaitAll(seconds: patience)
        // That they have answered is stored.
        MonotonicClock.sleep(until: MonotonicClock.now() + 2_000_000_000)
    }
}

/// Publishes events to the tenants in turn, and waits for their deliveries.
private final class WebhookEvents {
    private let publisher: NATSPublisher
    private let receiver: WebhookReceiver
    private var next = 0
    /// Of each tenant the counter of its last event.
    private var counters: [UInt64]

    init(on bus: SocketAddress, tenants: [String], to receiver: WebhookReceiver) throws(LoadError) {
        publisher = try NATSPublisher(address: bus, tenants: tenants, payload: TickPayload(size: 200))
        counters = Array(repeating: 0, count: tenants.count)
        self.receiver = receiver
    }

    /// Publishes at a rate for some time.
    func run(seconds: Double, rate: Int, patience: UInt64) throws(LoadError) {
        let began = MonotonicClock.now()
        for tick in 0..<max(1, Int(seconds * Double(rate))) {
            MonotonicClock.sleep(until: began + UInt64(tick) * 1_000_000_000 / UInt64(rate))
            try publish()
            try publisher.push()
        }
        try publisher.settle()
        try receiver.awaitEvents(counters, seconds: patience)
    }

    /// Publishes at once. Returns the time until the last delivery; nanoseconds.
    func burst(_ count: Int, patience: UInt64) throws(LoadError) -> UInt64 {
        let began = MonotonicClock.now()
        for _ in 0..<count { try publish() }
        try publisher.settle()
        try receiver.awaitEvents(counters, seconds: patience)
        return MonotonicClock.now() - began
    }

    private func publish() throws(LoadError) {
        let tenant = next % counters.count
        next += 1
        counters[tenant] += 1
        try publisher.publish(tenant: tenant, counter: counters[tenant])
    }
}
