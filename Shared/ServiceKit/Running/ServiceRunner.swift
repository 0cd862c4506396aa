import Basics
import Glibc
public import Logging
public import ServiceLifecycle
import UnixSignals

/// Runs a process's services until it is stopped.
///
/// 1. All services start in the given order, without waiting for each other.
/// 2. The first SIGTERM or SIGINT sets ``Readiness`` not ready at once, then stops the services gracefully in reverse order: a service may depend on
///    those before it until it has ended.
/// 3. The next signal exits at once with 128 + its number: 143 for SIGTERM, 130 for SIGINT.
/// 4. SIGHUP reloads secrets and keys and never ends the process.
/// 5. A service that throws, or ends unrequested, stops the others gracefully, and the run fails.
/// 6. A shutdown beyond its time limit exits at once with ``ExitCode/failure``.
///
/// A `CancellationError` during shutdown, as from a sleep in `cancelWhenGracefulShutdown`, is a normal end. So is the end of a service before its
/// turn in the shutdown, because a dependency has stopped.
public struct ServiceRunner: Sendable {
    private let readiness: Readiness
    private let logger: Logger
    private let shutdownTimeout: Duration
    private let reload: @Sendable () async -> Void

    /// - Parameters:
    ///   - shutdownTimeout: Time limit of a graceful shutdown; longer than the drain window.
    ///   - reload: Called on SIGHUP.
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

    /// Runs `services` until they have stopped. Throws the first failed service's error, or ``ServiceEndedError``.
    ///
    /// Handles SIGTERM, SIGINT and SIGHUP, and ignores SIGPIPE: a closed peer is an error of one write.
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
                // Concurrent with this loop: an unresponsive key server must not delay a shutdown.
                if !isStopping { Task { await reload() } }
                continue
            }
            guard !isStopping else {
                logger.warning("Another signal: ending at once", metadata: [LogKey.signal: "\(signal)"])
                LogSink.standardError.flushAtExit()
                _exit(ExitCode.interrupted(bySignal: signal == .sigint ? SIGINT : SIGTERM).rawValue)
            }
            isStopping = true
            logger.info("Stopping", metadata: [LogKey.signal: "\(signal)"])
            shutdown.begin()
            await group.triggerGracefulShutdown()
        }
    }
}

/// A service ended unrequested.
public struct ServiceEndedError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The type of the service.
    public let service: String

    public var description: String { "\(service) ended without a shutdown request: this is a defect, please report it with the log" }
}

/// Handles writes to closed connections.
enum BrokenPipes {
    /// Makes such writes fail with `EPIPE` instead of a SIGPIPE.
    static func ignore() {
        signal(SIGPIPE, SIG_IGN)
    }
}
