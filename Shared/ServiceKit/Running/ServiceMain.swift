package import Basics
import Glibc
import HTTPAPI
public import Logging
import Metrics
public import ServiceLifecycle
import Tracing

/// Runs a service, from its settings to its end. ``ServiceCommand`` has its command line.
///
/// ```swift
/// try await ServiceMain.run(settings) { process in
///     let connection = try await NATSConnection.connect(process.settings.natsConfiguration(name: "sse-edge"), logger: process.logger)
///     …
///     try await process.run([feed, edge])
/// }
/// ```
public struct ServiceMain: Sendable {
    /// The process's settings.
    public let settings: Settings
    /// The logger with the program's name.
    public let logger: Logger
    /// The state of `/readyz`.
    public let readiness = Readiness()
    /// The metrics of `/metrics`; the backend of swift-metrics, with ``ProcessMetrics``.
    public let metrics = PrometheusMetrics()

    /// The process's own routes of the admin listener.
    public let adminRoutes = AdminRoutes()

    /// The shares of tenants that the process limits.
    package let shares = TenantShares()

    /// The id of this process in surveys: a ULID, new with each start.
    package let instance = ULID.generate()

    /// The public listener's share of the process's open files.
    package let descriptors = DescriptorBudget.ofProcess()

    /// Reloads on SIGHUP and on file changes.
    public let reloads: Reloads

    /// The export of spans; nil without a collector.
    private let spans: SpanExport?

    /// Whether the process exports spans.
    public var exportsSpans: Bool { spans != nil }

    /// Time for a shutdown beyond the drain.
    static let shutdownReserve: Duration = .seconds(10)

    private init(settings: Settings) throws(ConfigurationError) {
        self.settings = settings
        let logger = Logger(label: settings.schema.program)
        self.logger = logger
        self.spans = try SpanExport(settings, logger: logger)
        self.reloads = Reloads(logger: logger)
        metrics.addCollector(ProcessMetrics.collect)
        metrics.addCollector(LogMetrics.collect)
        metrics.addCollector { [descriptors] in ListenerMetrics.collect(descriptors, into: &$0) }
        metrics.addCollector { RequestMetrics.collect(.ofProcess, into: &$0) }
        metrics.addCollector(CertificateMetrics(settings).collect)
        metrics.addCollector { [schema = settings.schema] in BuildMetrics.collect(schema, into: &$0) }
        metrics.addCollector { [queue = spans?.exporter.queue] in SpanMetrics.collect(queue, into: &$0) }
    }

    /// Reads the settings, sets up logging, metrics and tracing, and calls `body`. An error of `body` is logged at level `critical`
    /// (``FatalError``), and ends the process with its ``ExitCode``.
    ///
    /// - Throws: what `settings()` of the arguments throws. Nothing is logged then, because logging depends on settings.
    package static func run<Command: ConfiguredCommand>(
        _ arguments: SettingsArguments<Command>,
        body: @Sendable (ServiceMain) async throws -> Void
    ) async throws {
        BrokenPipes.ignore()
        // SIGHUP never ends a process, not even before reloads are registered.
        signal(SIGHUP, SIG_IGN)
        let settings = try arguments.settings()
        settings.bootstrapLogging()
        do {
            let process = try ServiceMain(settings: settings)
            MetricsSystem.bootstrap(process.metrics)
            if let tracer = process.spans?.tracer { InstrumentationSystem.bootstrap(tracer) }
            try await body(process)
        } catch {
            Logger(label: settings.schema.program).critical("\(FatalError.sentence(of: error))")
            exit(((error as? ConfigurationError)?.exitCode ?? .failure).rawValue)
        }
    }

    /// Runs the process's services behind the ``AdminServer``, until it is stopped. See ``ServiceRunner``.
    ///
    /// - Parameter drain: how long the services may take to finish their work at a shutdown, in a program without the key `drain.window`.
    public func run(_ services: [any Service], drain: Duration = .zero) async throws {
        let admin = AdminServer(settings: settings, readiness: readiness, metrics: metrics, routes: adminRoutes, logger: logger)
        let hasWindow = settings.schema.keys.contains { $0.name == AnyConfigurationKey.drainWindow.name }
        let timeout = (hasWindow ? settings[.drainWindow] : drain) + Self.shutdownReserve
        let runner = ServiceRunner(readiness: readiness, logger: logger, shutdownTimeout: timeout) { [reloads] in
            await reloads.reloadAll()
        }
        // The exporter stops after everything that ends spans.
        let exporter: [any Service] = spans.map { [$0.exporter] } ?? []
        try await runner.run([admin] + exporter + [reloads, MemoryReturn()] + services)
    }
}
