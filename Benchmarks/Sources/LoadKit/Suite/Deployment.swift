import Glibc

/// A nats-server with a new log, and programs of the project, on free ports of 127.0.0.1.
final class Deployment {
    /// A ready program of the project, or the yardstick.
    struct Service {
        let address: SocketAddress
        let processID: pid_t

        var meter: ProcessMeter { ProcessMeter(processID: processID) }
    }

    let bus: SocketAddress
    private let options: SuiteOptions
    private let directory: String
    private var processes: [ServerProcess] = []

    /// Starts the nats-server on the load's CPU.
    ///
    /// - Parameter name: Unique in this run; the name of its folder in the run's folder.
    init(_ options: SuiteOptions, name: String) throws(LoadError) {
        self.options = options
        directory = "\(options.directory)/\(name)"
        guard mkdir(directory, 0o755) == 0 else { throw LoadError("\(directory) cannot be created: \(String(cString: strerror(errno))).") }
        let port = try FreePort.next()
        bus = try SocketAddress("127.0.0.1:\(port)")
        let server = try ServerProcess(
            path: options.natsServer,
            arguments: ["-a", "127.0.0.1", "-p", "\(port)", "-js", "-sd", "\(directory)/jetstream"],
            log: "\(directory)/nats-server.log"
        )
        processes.append(server)
        try server.awaitReady { [bus] in FreePort.isTaken(bus) }
        if let affinity = options.affinity { try Affinity.pin(process: server.processID, to: affinity.client) }
    }

    /// Starts a program and waits until it is ready.
    ///
    /// - Parameters:
    ///   - environment: Settings besides the common ones.
    ///   - isPinned: Whether to pin it to the server's CPU, if the run has one.
    func start(_ program: Program, _ environment: [String: String] = [:], isPinned: Bool = true) throws(LoadError) -> Service {
        let port = try FreePort.next()
        let adminPort = try FreePort.next()
        var settings = [
            "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "\(port)", "ADMIN_HOST": "127.0.0.1", "ADMIN_PORT": "\(adminPort)",
            "NATS_URL": "nats://\(bus.host):\(bus.port)", "AUTH_HS256_SECRET": options.secret, "LOG_LEVEL": "warning",
            "DELIVERY_LOOPS": "1", "HEARTBEAT_INTERVAL": "30s", "SILENCE_TIMEOUT": "1h", "MAX_CONNECTIONS_PER_TENANT": "0",
            "DRAIN_WINDOW": "1s", "INTAKE_EVENTS_PER_SECOND": "0", "INTAKE_BYTES_PER_SECOND": "0",
        ]
        settings.merge(environment) { $1 }
        let process = try ServerProcess(
            path: program == .yardstick ? options.yardstick : "\(options.programs)/\(program.rawValue)",
            arguments: program.arguments,
            environment: settings,
            log: "\(directory)/\(program.rawValue).log"
        )
        processes.append(process)
        let address = try SocketAddress("127.0.0.1:\(port)")
        let probe = try program.readiness.map { path throws(LoadError) in
            Exchange(request: HTTPRequest.get(path), status: 200, mark: "")
        }
        let admin = try SocketAddress("127.0.0.1:\(adminPort)")
        try process.awaitReady {
            guard let probe else { return FreePort.isTaken(address) }
            return (try? ExchangeLoop(address: admin, clients: 1).run([probe])) != nil
        }
        if let affinity = options.affinity, isPinned { try Affinity.pin(process: process.processID, to: affinity.server) }
        return Service(address: address, processID: process.processID)
    }

    /// Stops everything, in reverse order.
    func stop() {
        for process in processes.reversed() { process.stop() }
        processes = []
    }
}

/// A program that the suite starts.
enum Program: String {
    case sseEdge = "sse-edge"
    case webSocketEdge = "websocket-edge"
    case relay = "jsonrpc-relay"
    case intake = "event-producer"
    case approvals = "approval-api"
    case dispatcher = "webhook-dispatcher"
    /// A minimal route on the project's HTTP server (`Benchmarks/Yardstick`).
    case yardstick = "hummingbird-yardstick"

    fileprivate var arguments: [String] { self == .intake ? ["serve"] : [] }

    /// The readiness path on the admin listener; nil for a program that is ready as soon as it listens.
    fileprivate var readiness: String? { self == .yardstick ? nil : "/readyz" }
}
