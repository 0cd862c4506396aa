import Glibc

/// Options of a load: target, rates, durations.
public struct LoadOptions: Sendable {
    /// The edge and its nats-server; nil measures only the bare loop.
    struct Edge: Sendable {
        let address: SocketAddress
        let processID: pid_t
        /// The nats-server whose log the edge delivers.
        let bus: SocketAddress
    }

    var edge: Edge?
    var surface: any Surface = NotificationSurface()
    var connections = 5000
    var tenants = 1
    var tenantName = "load"
    var payload = TickPayload(size: 200)
    /// Events per second over all tenants; each rate is a scenario.
    var rates = [10.0]
    var rounds = 3
    /// Duration of one paced measurement, in seconds.
    var seconds = 5.0
    /// Number of events of a burst.
    var burst = 1000
    /// Number of events of a burst in which the bare loop writes each event separately.
    var singleBurst = 50
    var token: String?
    var secret: String?
    var clientThreads = 1
    var affinity: Affinity?
    var bareLoopPath: String?

    /// - Parameters:
    ///   - arguments: the arguments without the program's name.
    ///   - environment: looks up a variable; `AUTH_HS256_SECRET` is the default of `--secret`.
    public init(arguments: [String], environment: (String) -> String?) throws(LoadError) {
        secret = environment("AUTH_HS256_SECRET")
        var address: SocketAddress?
        var processID: pid_t?
        var bus: SocketAddress?
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { throw LoadError("\(option) needs a value; --help lists the options.") }
            switch option {
            case "--edge": address = try SocketAddress(value)
            case "--edge-pid": processID = pid_t(try OptionValue.whole(option, value, 1...Int(ProcessMeter.maximumProcessID) - 1))
            case "--nats": bus = try SocketAddress(value)
            case "--surface": surface = try Surfaces.named(value)
            case "--connections": connections = try OptionValue.whole(option, value, 10...28_000)
            case "--tenants": tenants = try OptionValue.whole(option, value, 1...4096)
            case "--tenant": tenantName = try OptionValue.plainName(option, value)
            case "--payload-bytes": payload = TickPayload(size: try OptionValue.whole(option, value, TickPayload.minimumBytes...256 * 1024))
            case "--rates":
                rates = []
                for rate in value.split(separator: ",") { rates.append(try OptionValue.number(option, String(rate), 0.1...100_000)) }
            case "--rounds": rounds = try OptionValue.whole(option, value, 1...100)
            case "--seconds": seconds = try OptionValue.number(option, value, 0.1...600)
            case "--burst": burst = try OptionValue.whole(option, value, 1...100_000)
            case "--single-burst": singleBurst = try OptionValue.whole(option, value, 1...100_000)
            case "--token": token = value
            case "--secret": secret = value
            case "--client-threads": clientThreads = try OptionValue.whole(option, value, 1...16)
            case "--pin": affinity = try Affinity(value)
            case "--bare-loop": bareLoopPath = value
            default: throw LoadError("There is no option \(option); --help lists them.")
            }
        }
        payload.kind = surface.kind
        edge = try Self.edge(address, processID, bus)
        try check()
    }

    private static func edge(_ address: SocketAddress?, _ processID: pid_t?, _ bus: SocketAddress?) throws(LoadError) -> Edge? {
        switch (address, processID, bus) {
        case (nil, nil, nil): return nil
        case (let address?, let processID?, let bus?): return Edge(address: address, processID: processID, bus: bus)
        case (.some, _, _), (_, .some, _), (_, _, .some):
            throw LoadError("Give --edge, --edge-pid and --nats together, or none of them to measure the bare loop alone.")
        }
    }

    private func check() throws(LoadError) {
        if edge != nil, token == nil, (secret ?? "").isEmpty {
            throw LoadError("The edge wants tokens: give --token, or the secret it checks them with in AUTH_HS256_SECRET or --secret.")
        }
        if token != nil, tenants > 1 { throw LoadError("A token is of one tenant: give --secret instead of --token with --tenants.") }
        if tenants > connections { throw LoadError("--tenants must not be more than --connections.") }
    }
}
