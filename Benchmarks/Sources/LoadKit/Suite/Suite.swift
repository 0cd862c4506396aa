import Glibc

/// Measures all figures of docs/performance.md: starts programs, loads them and their references, and returns one table.
public final class Suite {
    /// The measurements in the table's order.
    private static let measurements: [any Measurement] = [
        HandshakeMeasurement(), ReconnectMeasurement(), FleetMeasurement(), MemoryMeasurement(), DeliveryMeasurement(), IntakeMeasurement(),
        LatencyMeasurement(), LeavingMeasurement(), RevocationMeasurement(), WebhookMeasurement(),
    ]

    /// The values of `--only`.
    static var names: [String] { measurements.map(\.name) }

    private let options: SuiteOptions
    private let log: (String) -> Void

    /// - Parameter log: Receives progress messages.
    public init(options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) {
        self.options = options
        self.log = log
        // A write to a closed connection fails with EPIPE instead of ending the process.
        signal(SIGPIPE, SIG_IGN)
        _ = SystemCall.raiseDescriptorLimit()
        if let affinity = options.affinity { try Affinity.pin(process: getpid(), to: affinity.client) }
    }

    /// Runs the chosen measurements and returns their table.
    public func run() throws(LoadError) -> String {
        var table = Table(columns: ["measured", "beside", "ratio", "target"], titleWidth: 46, columnWidth: 22)
        for measurement in Self.measurements where options.chosen.contains(measurement.name) {
            table.section(measurement.name)
            for row in try measurement.rows(options, log: { [log] in log("\(measurement.name): \($0)") }) {
                table.row(row.title, row.columns())
            }
        }
        return heading + "\n\n" + table.text
    }

    private var heading: String {
        let pinned = options.affinity.map { "server on processor \($0.server), load on \($0.client)" } ?? "not pinned"
        let size = options.isQuick ? "quick: the figures mean little" : "medians of \(options.rounds) rounds"
        return "Causeway on this machine; \(size); \(pinned). A target is of the ratio where there is one."
    }
}

/// A group of figures.
protocol Measurement: Sendable {
    /// The name for `--only`.
    var name: String { get }

    /// Starts the needed programs, measures, and stops them.
    func rows(_ options: SuiteOptions, log: @escaping (String) -> Void) throws(LoadError) -> [SuiteRow]
}

/// An edge in the suite.
struct MeasuredSurface: Sendable {
    /// The title in the table.
    let title: String
    let surface: any Surface
    let program: Program

    static let sse = MeasuredSurface(title: "SSE", surface: NotificationSurface(), program: .sseEdge)
    static let webSocket = MeasuredSurface(title: "WebSocket", surface: WorkspaceSurface(), program: .webSocketEdge)
    static let relay = MeasuredSurface(title: "relay", surface: RelaySurface(), program: .relay)

    /// Returns a handshake with a new token.
    func request(_ options: SuiteOptions, user: String = "load", tenant: String = "load", fields: String = "") -> [UInt8] {
        let token = options.token(user: user, tenant: tenant, roles: surface.roles)
        return request(token: token, tenant: tenant, fields: fields)
    }

    /// Returns a handshake with an existing token.
    func request(token: String, tenant: String = "load", fields: String = "") -> [UInt8] {
        surface.request(host: "127.0.0.1", tenant: tenant, token: token, fields: fields)
    }
}
