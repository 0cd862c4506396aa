import Glibc
public import Logging
public import ServiceLifecycle
import UnixSignals

/// Runs the services of a process until it is told to stop.
///
/// 1. All services start, in the order in which they are given; none waits for another.
/// 2. The first SIGTERM or SIGINT makes ``Readiness`` not ready at once, and then stops the services gracefully, one after the other, the last one
///    first: a service may rely on those before it until it has ended.
/// 3. The next signal ends the process at once, with 128 + its number: 143 for SIGTERM, 130 for SIGINT.
/// 4. SIGHUP never ends the process: it reads its secrets and keys again.
/// 5. A service that throws, or that ends although nobody asked it to, stops the others gracefully too, and makes the run fail.
/// 6. A shutdown that takes longer than it may ends the process at once with ``ExitCode/failure``.
///
/// A service that answers the shutdown with a `CancellationError`, as those do that sleep in `cancelWhenGracefulShutdown`, has ended well. So has
/// one that ends before its turn in the shutdown, because what it relied on has gone.
public struct ServiceRunner: Sendable {
    private let readiness: Readiness
    private let logger: Logger
    private let shutdownTimeout: Duration
    private let reload: @Sendable () async -> Void

    /// - Parameters:
    ///   - shutdownTimeout: How long a graceful shutdown may take; to be chosen longer than the drain window.
    ///   - reload: What SIGHUP causes.
    public init(
        readiness: Readiness,
        logger: Logger,
        shutdownTimeout: Duration,
        reload: @escaping @Sendable () async -> Void = {}
    ) {
        self.readiness = readiness
        self.logger = logger
        self.shutdownTimeout = shutdownTimeout
        self.reload = reload
    }

    /// Runs `services` until they have been stopped. Throws what the first service threw that failed, or ``ServiceEndedError``.
    ///
    /// Takes SIGTERM, SIGINT and SIGHUP over, and makes the process ignore SIGPIPE: a peer that has gone is an error of one write.
    public func run(_ services: [any Service]) async throws {
        BrokenPipes.ignore()
        let shutdown = Shutdown(readiness: readiness, logger: logger, timeout: shutdownTimeout)
        defer { shutdown.end() }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { service in
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: GuardedService(service: service, name: "\(type(of: service))", shutdown: shutdown),
                        failureTerminationBehavior: .gracefullyShutdownGroup,
                        serviceName: "\(type(of: service))"
                    )
                },
                logger: logger
            )
        )
        // Before anything starts, so that no signal is missed.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let stopping = Task { await stop(group, shutdown, at: signals) }
        defer { stopping.cancel() }
        try await group.run()
    }

    private func stop(_ group: ServiceGroup, _ shutdown: Shutdown, at signals: UnixSignalsSequence) async {
        var isStopping = false
        for await signal in signals {
            guard signal != .sighup else {
                // Beside this loop: a key server that does not answer must not hold a shutdown up.
                if !isStopping { Task { await reload() } }
                continue
            }
            guard !isStopping else {
                logger.warning("Another signal: ending at once", metadata: ["signal": "\(signal)"])
                LogSink.standardError.flushAtExit()
                _exit(ExitCode.interrupted(bySignal: signal == .sigint ? SIGINT : SIGTERM).rawValue)
            }
            isStopping = true
            logger.info("Stopping", metadata: ["signal": "\(signal)"])
            shutdown.begin()
            await group.triggerGracefulShutdown()
        }
    }
}

/// A service ended although nobody had asked it to.
public struct ServiceEndedError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The type of the service.
    public let service: String

    public var description: String { "\(service) ended by itself: this is a defect, please report it with the log" }
}

/// Writing to a connection whose other side has gone.
enum BrokenPipes {
    /// Makes such a write fail with `EPIPE` instead of ending the process by SIGPIPE.
    static func ignore() {
        signal(SIGPIPE, SIG_IGN)
    }
}
