package import Basics
import FoundationEssentials
import Glibc
public import Logging
import Metrics
public import ServiceLifecycle

/// A program from its command line to its exit code.
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
    /// What the process was configured with.
    public let settings: Settings
    /// The logger named like the program.
    public let logger: Logger
    /// What `/readyz` answers.
    public let readiness = Readiness()
    /// What `/metrics` answers; the backend of swift-metrics in this process, with ``ProcessMetrics`` in it.
    public let metrics = PrometheusMetrics()

    /// What the public listener may take of the process's open files.
    package let descriptors = DescriptorBudget.ofProcess()

    /// What is read again on SIGHUP and when files change.
    public let reloads: Reloads

    /// What a shutdown may take beyond the drain window.
    static let shutdownReserve: Duration = .seconds(10)

    private init(settings: Settings) {
        self.settings = settings
        self.logger = Logger(label: settings.schema.program)
        self.reloads = Reloads(logger: logger)
        metrics.addCollector(ProcessMetrics.collect)
        metrics.addCollector(LogMetrics.collect)
        metrics.addCollector { [descriptors] in ListenerMetrics.collect(descriptors, into: &$0) }
    }

    /// Runs a program and ends the process with its ``ExitCode``.
    ///
    /// Answers `--help`, `--version` and `--print-config`. Otherwise it reads the settings, sets up logging and metrics, and calls `body`.
    ///
    /// A mistake in the settings is printed on standard error as one sentence behind the program's name, because how to log is a setting. An error
    /// of `body` is a line of the log, level `critical`, whose message is its sentence (``FatalError``).
    ///
    /// - Parameter arguments: The command line without the program's name.
    public static func run(
        _ schema: ConfigurationSchema,
        arguments: [String] = Array(CommandLine.arguments.dropFirst()),
        body: @Sendable (ServiceMain) async throws -> Void
    ) async -> Never {
        BrokenPipes.ignore()
        // Until there is something to read again, and ever after: it never ends a process.
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

    /// Runs the process' services, with the ``AdminServer`` before them, until it is stopped. See ``ServiceRunner``.
    public func run(_ services: [any Service]) async throws {
        let admin = AdminServer(settings: settings, readiness: readiness, metrics: metrics, logger: logger)
        let drainWindow =
            settings.schema.keys.contains { $0.name == ConfigurationKey.drainWindow.name } ? settings.duration(.drainWindow) : .zero
        let runner = ServiceRunner(readiness: readiness, logger: logger, shutdownTimeout: drainWindow + Self.shutdownReserve) { [reloads] in
            await reloads.reloadAll()
        }
        try await runner.run([admin, reloads] + services)
    }
}
