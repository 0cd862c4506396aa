package import Basics
import FoundationEssentials
import Glibc
public import Logging
import Metrics
public import ServiceLifecycle

/// Runs a program, from its command line to its exit code.
///
/// ```swift
/// @main struct App {
///     static func main() async {
///         await ServiceMain.run(schema) { process in
///             let connection = try await NATSConnection.connect(process.settings.natsConfiguration(name: "sse-edge"), logger: process.logger)
///             …
///             try await process.run([feed, edge])
///         }
///     }
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

    /// The public listener's share of the process's open files.
    package let descriptors = DescriptorBudget.ofProcess()

    /// Reloads on SIGHUP and on file changes.
    public let reloads: Reloads

    /// Time for a shutdown beyond the drain window.
    static let shutdownReserve: Duration = .seconds(10)

    private init(settings: Settings) {
        self.settings = settings
        self.logger = Logger(label: settings.schema.program)
        self.reloads = Reloads(logger: logger)
        metrics.addCollector(ProcessMetrics.collect)
        metrics.addCollector(LogMetrics.collect)
        metrics.addCollector { [descriptors] in ListenerMetrics.collect(descriptors, into: &$0) }
    }

    /// Runs a program and exits with its ``ExitCode``.
    ///
    /// Answers `--help`, `--version` and `--print-config`. Otherwise reads the settings, sets up logging and metrics, and calls `body`.
    ///
    /// An invalid setting is printed to standard error as one line after the program's name, because logging depends on settings. An error of `body` is
    /// logged at level `critical` (``FatalError``).
    ///
    /// - Parameter arguments: The command line, without the program's name.
    public static func run(
        _ schema: ConfigurationSchema,
        arguments: [String] = Array(CommandLine.arguments.dropFirst()),
        body: @Sendable (ServiceMain) async throws -> Void
    ) async -> Never {
        BrokenPipes.ignore()
        // SIGHUP never ends a process, not even before reloads are registered.
        signal(SIGHUP, SIG_IGN)
        let settings: Settings
        do throws(ConfigurationError) {
            try ProcessText.check(schema)
            switch try Invocation(schema: schema, arguments: arguments, environment: ProcessInfo.processInfo.environment) {
            case .print(let text):
                StandardStream.print(text)
                exit(ExitCode.success.rawValue)
            case .run(let found): settings = found
            }
        } catch {
            StandardStream.complain(error.message, program: schema.program)
            exit(error.exitCode.rawValue)
        }
        settings.bootstrapLogging()
        let process = ServiceMain(settings: settings)
        MetricsSystem.bootstrap(process.metrics)
        do {
            try await body(process)
        } catch {
            process.logger.critical("\(FatalError.sentence(of: error))")
            exit(((error as? ConfigurationError)?.exitCode ?? .failure).rawValue)
        }
        exit(ExitCode.success.rawValue)
    }

    /// Runs the process's services behind the ``AdminServer``, until it is stopped. See ``ServiceRunner``.
    public func run(_ services: [any Service]) async throws {
        let admin = AdminServer(settings: settings, readiness: readiness, metrics: metrics, logger: logger)
        let drainWindow =
            settings.schema.keys.contains { $0.name == AnyConfigurationKey.drainWindow.name } ? settings[.drainWindow] : .zero
        let runner = ServiceRunner(readiness: readiness, logger: logger, shutdownTimeout: drainWindow + Self.shutdownReserve) { [reloads] in
            await reloads.reloadAll()
        }
        try await runner.run([admin, reloads] + services)
    }
}
