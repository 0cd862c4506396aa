import Glibc

/// Time from a revocation of a user's tokens until the last of many connections over several edges has its last message, and the latency of
/// another tenant's events meanwhile.
///
/// Fails when an event follows the last message of a stream, and when a stream of the other tenant loses an event or ends.
struct RevocationMeasurement: Measurement {
    let name = "revocations"

    private static let surfaces = [MeasuredSurface.sse, .webSocket, .relay]
    /// Edges of a surface, which share the streams.
    private static let edges = 2
    /// Streams of the other tenant.
    private static let bystanders = 200
    /// The tenants, by their index.
    private static let (victims, others) = (0, 1)
    private static let tenants = ["load", "other"]
    /// Events per second to the other tenant.
    private static let rate = 50
    /// Every so many of them one goes to the revoked streams too.
    private static let share = 25
    /// Time limit for the end of all streams; nanoseconds.
    private static let patience: UInt64 = 20_000_000_000

    /// The figures of one round, in milliseconds.
    private struct Figures {
        var median, late, last, quiet, meanwhile: Double
    }

    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow] {
        // The load needs a descriptor per stream, and loopback a port per stream of one edge.
        let members = min(options.size(50_000, quick: 400), SystemCall.raiseDescriptorLimit() - 2000, Self.edges * 26_000)
        var rows: [SuiteRow] = []
        for surface in Self.surfaces {
            let deployment = try Deployment(options, name: "revocations-\(surface.program.rawValue)")
            defer { deployment.stop() }
            let approvals = try deployment.start(.approvals, ["DATABASE_FILE": ":memory:", "RATE_LIMIT": "0"])
            var edges: [Deployment.Service] = []
            for _ in 1...Self.edges { edges.append(try deployment.start(surface.program, ["MAX_CONNECTIONS": "0"])) }
            var figures: [Figures] = []
            for round in 1...options.rounds {
                log("\(surface.title), round \(round) of \(options.rounds): \(members) streams of \(Self.edges) edges")
                figures.append(try measure(surface, at: edges, approvals, on: deployment.bus, members, user: "user-\(round)", options))
            }
            rows += Self.rows(surface, members, figures)
        }
        return rows
    }

    private static func rows(_ surface: MeasuredSurface, _ members: Int, _ figures: [Figures]) -> [SuiteRow] {
        let streams = "\(Figure.text(Double(members), digits: 0)) \(surface.title) streams end"
        func row(_ title: String, _ values: [Double], _ target: String, beside quiet: [Double]? = nil) -> SuiteRow {
            let reference = quiet.map { SuiteRow.Reference(name: "quiet", values: $0) }
            return SuiteRow(title: title, unit: "ms", digits: 1, values: values, reference: reference, target: target)
        }
        return [
            row("\(streams), p50", figures.map(\.median), ""), row("\(streams), p99", figures.map(\.late), "≤ 250 ms"),
            row("\(streams), last", figures.map(\.last), "≤ 1,000 ms"),
            row("another tenant's events meanwhile, p99", figures.map(\.meanwhile), "", beside: figures.map(\.quiet)),
        ]
    }

    private func measure(
        _ surface: MeasuredSurface,
        at edges: [Deployment.Service],
        _ approvals: Deployment.Service,
        on bus: SocketAddress,
        _ members: Int,
        user: String,
        _ options: SuiteOptions
    ) throws(LoadError) -> Figures {
        let revoked = try LoadClient(threads: 1, surface: surface.surface, endsByRevocation: true)
        defer { revoked.stop() }
        let kept = try LoadClient(threads: 1, surface: surface.surface)
        defer { kept.stop() }
        func openings(_ count: Int, user: String, _ tenant: Int) -> [Opening] {
            let request = surface.request(options, user: user, tenant: Self.tenants[tenant])
            return (0..<count).map { Opening(address: edges[$0 % edges.count].address, request: request) }
        }
        _ = try revoked.open(openings(members, user: user, Self.victims))
        _ = try kept.open(openings(Self.bystanders, user: "load", Self.others))

        let payload = TickPayload(size: 200, kind: surface.surface.kind)
        let events = EventFlow(try NATSPublisher(address: bus, tenants: Self.tenants, payload: payload), rate: Self.rate, share: Self.share)
        try events.run(seconds: 2)
        try kept.awaitDeliveries(events.sent[Self.others] * Self.bystanders)
        try revoked.awaitDeliveries(events.sent[Self.victims] * members)
        let quiet = kept.takeTally()

        // The tokens were issued before the second that begins now.
        let body = #"{"sub":"\#(user)","issuedBefore":"\#(Self.timestamp(Glibc.time(nil)))"}"#
        let token = options.token(tenant: Self.tenants[Self.victims], roles: ["admin"])
        let request = HTTPRequest.post("/v1/tokens/revocations", token: token, body: Array(body.utf8))
        let loop = try ExchangeLoop(address: approvals.address, clients: 1)
        let began = MonotonicClock.now()
        revoked.measureEndings(since: began)
        _ = try loop.run([Exchange(request: request, status: 202, mark: #""sub":"\#(user)""#)])
        while revoked.closedByServer < members {
            try events.run(seconds: 0.1)
            try revoked.check()
            guard MonotonicClock.now() - began < Self.patience else {
                throw LoadError("Only \(revoked.closedByServer) of \(members) streams of the revoked user were ended and closed.")
            }
        }
        try kept.awaitDeliveries(events.sent[Self.others] * Self.bystanders)
        try kept.check()
        let (tally, late) = (kept.takeTally(), revoked.takeTally().late)
        guard late == 0 else { throw LoadError("\(late) events came behind the last message of a revoked stream.") }
        guard quiet.misplaced + tally.misplaced == 0 else {
            throw LoadError("Events of the other tenant were lost, doubled or out of order.")
        }
        let endings = revoked.endings()
        func milliseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e6 }
        return Figures(
            median: milliseconds(endings.quantile(0.5)),
            late: milliseconds(endings.quantile(0.99)),
            last: milliseconds(endings.maximum),
            quiet: milliseconds(quiet.latency.quantile(0.99)),
            meanwhile: milliseconds(tally.latency.quantile(0.99))
        )
    }

    /// Returns a time in seconds since 1970 as RFC 3339 has it.
    private static func timestamp(_ seconds: time_t) -> String {
        var (seconds, parts) = (seconds, tm())
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A steady flow of events to one tenant, and a part of it to another.
private final class EventFlow {
    private let publisher: NATSPublisher
    private let rate: Int
    private let share: Int
    private var ticks = 0
    /// Number of events so far, by tenant: the one with the part, and the one with all.
    private(set) var sent = [0, 0]

    /// - Parameters:
    ///   - publisher: of two tenants; the second one gets all events.
    ///   - rate: Events per second.
    ///   - share: Every so many ticks the first tenant gets one too.
    init(_ publisher: NATSPublisher, rate: Int, share: Int) {
        self.publisher = publisher
        self.rate = rate
        self.share = share
    }

    /// Publishes for some time.
    func run(seconds: Double) throws(LoadError) {
        let began = MonotonicClock.now()
        for tick in 0..<max(1, Int(seconds * Double(rate))) {
            MonotonicClock.sleep(until: began + UInt64(tick) * 1_000_000_000 / UInt64(rate))
            try publish(to: 1)
            if ticks % share == 0 { try publish(to: 0) }
            ticks += 1
            try publisher.push()
        }
        try publisher.settle()
    }

    private func publish(to tenant: Int) throws(LoadError) {
        sent[tenant] += 1
        try publisher.publish(tenant: tenant, counter: UInt64(sent[tenant]))
    }
}
