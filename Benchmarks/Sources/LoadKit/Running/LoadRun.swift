import Glibc

/// One run: opens the streams of both servers, then loads them in turn, so that disturbances affect both.
public final class LoadRun {
    /// Number of events per tenant before the measurements.
    private static let warmUpEvents = 3
    private static let warmUpInterval = 50_000_000.0

    private let options: LoadOptions
    private let client: LoadClient
    private let bareLoop: BareLoop
    private let bare: LoadTarget
    private let edge: LoadTarget?
    private let log: (String) -> Void

    /// Starts the bare loop and connects to the bus.
    /// - Parameters:
    ///   - executableDirectory: the default directory of the bare loop.
    ///   - log: receives progress messages.
    public init(options: LoadOptions, executableDirectory: String, log: @escaping (String) -> Void) throws(LoadError) {
        self.options = options
        self.log = log
        // A write to a closed connection fails with EPIPE instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        let descriptors = SystemCall.raiseDescriptorLimit()
        let needed = options.connections * (options.edge == nil ? 1 : 2) + 64
        guard descriptors >= needed else {
            throw LoadError("\(needed) descriptors are needed and \(descriptors) allowed: raise `ulimit -n` or lower --connections.")
        }
        client = try LoadClient(threads: options.clientThreads, surface: options.surface)
        bareLoop = try BareLoop(
            path: options.bareLoopPath ?? executableDirectory + "/bare-loop",
            surface: options.surface,
            payload: options.payload
        )
        bare = LoadTarget(
            address: bareLoop.address,
            processID: bareLoop.processID,
            publisher: bareLoop,
            client: client,
            tenants: options.tenants
        )
        edge = try options.edge.map { [client] edge throws(LoadError) in
            LoadTarget(
                address: edge.address,
                processID: edge.processID,
                publisher: try NATSPublisher(address: edge.bus, tenants: Self.tenantNames(options), payload: options.payload),
                client: client,
                tenants: options.tenants
            )
        }
        if let affinity = options.affinity {
            if let edge = options.edge { try Affinity.pin(process: edge.processID, to: affinity.server) }
            try Affinity.pin(process: bareLoop.processID, to: affinity.server)
            try Affinity.pin(process: getpid(), to: affinity.client)
        }
    }

    /// Stops the bare loop and closes all connections. Call once, last.
    public func stop() {
        client.stop()
        bareLoop.stop()
    }

    /// Runs all measurements of the options.
    public func run() throws(LoadError) -> LoadReport {
        var report = LoadReport(options: options)
        report.bareOpening = try openBare()
        if let edge { (report.edgeOpeningOneToken, report.edgeOpeningOwnTokens) = try open(edge) }
        try warmUp()
        for round in 1...options.rounds {
            log("round \(round) of \(options.rounds)")
            for rate in options.rates {
                let events = max(1, Int(rate * options.seconds))
                if let edge { report.paced[rate, default: Pair()].edge.append(try edge.load(events: events, interval: 1e9 / rate)) }
                bareLoop.use(.single)
                report.paced[rate, default: Pair()].bare.append(try bare.load(events: events, interval: 1e9 / rate))
            }
            if let edge { report.burst.edge.append(try edge.load(events: options.burst, interval: nil)) }
            bareLoop.use(.joined)
            report.burst.bare.append(try bare.load(events: options.burst, interval: nil))
            bareLoop.use(.single)
            report.singleBurst.append(try bare.load(events: options.singleBurst, interval: nil))
        }
        try client.check()
        return report
    }

    /// Excludes the first use of every socket and page from the measurements.
    private func warmUp() throws(LoadError) {
        let events = Self.warmUpEvents * options.tenants
        for target in [edge, bare].compactMap(\.self) { _ = try target.load(events: events, interval: Self.warmUpInterval) }
    }

    private func openBare() throws(LoadError) -> OpeningFigures {
        log("opening \(options.connections) streams to the bare loop")
        let first = options.connections / 10
        let request = { [options, bare] (index: Int) -> [UInt8] in
            let group = bare.tenant(ofStream: index)
            return options.surface.request(host: "127.0.0.1", tenant: "", token: "", fields: "x-load-group: \(group)\r\n")
        }
        _ = try bare.open(0..<first, request: request)
        return try bare.open(first..<options.connections, request: request)
    }

    /// Opens a tenth of the streams unmeasured, because of one-time costs; then half of the rest with one token per tenant, which the edge
    /// caches, and half with a token per stream, which it must verify.
    private func open(_ edge: LoadTarget) throws(LoadError) -> (oneToken: OpeningFigures, ownTokens: OpeningFigures?) {
        log("opening \(options.connections) streams to the edge")
        let names = Self.tenantNames(options)
        let shared = names.map { token(user: "load", tenant: $0) }
        let request = { [options] (tenant: Int, token: String) -> [UInt8] in
            options.surface.request(host: "127.0.0.1", tenant: names[tenant], token: token, fields: "")
        }
        let withOneToken = { (index: Int) -> [UInt8] in
            let tenant = edge.tenant(ofStream: index)
            return request(tenant, shared[tenant])
        }
        let first = options.connections / 10
        let half = options.token == nil ? (options.connections + first) / 2 : options.connections
        _ = try edge.open(0..<first, request: withOneToken)
        let oneToken = try edge.open(first..<half, request: withOneToken)
        guard half < options.connections else { return (oneToken, nil) }
        let ownTokens = try edge.open(half..<options.connections) { index in
            let tenant = edge.tenant(ofStream: index)
            return request(tenant, self.token(user: "load-\(index)", tenant: names[tenant]))
        }
        return (oneToken, ownTokens)
    }

    private func token(user: String, tenant: String) -> String {
        options.token
            ?? TokenMinter.mint(subject: user, tenant: tenant, roles: options.surface.roles, secret: options.secret ?? "")
    }

    private static func tenantNames(_ options: LoadOptions) -> [String] {
        options.tenants == 1 ? [options.tenantName] : (1...options.tenants).map { "\(options.tenantName)-\($0)" }
    }
}
