import Basics
public import EventLog
public import Logging
public import NATSClient
import ServiceLifecycle

/// Lifecycle shared by services that use the log: open it, follow the revoked tokens, report readiness, report limits of the bus that are too small,
/// close the bus.
///
/// While the bus is unreachable, at the start or later, the process runs and is not ready. An incompatible stream, or a connection closed for good,
/// stops the process with an error message.
public struct LogSession: Sendable {
    private let connection: NATSConnection
    private let log: EventLogConfiguration
    private let revocations: RevocationFollower
    private let readiness: Readiness
    private let conditions: [String]
    private let metrics: PrometheusMetrics
    private let opened = OneShot<EventLog>()
    private let logger: Logger

    /// Sets the process not ready until `conditions` are met.
    ///
    /// - Parameters:
    ///   - connection: The bus; its state is the condition `bus`.
    ///   - log: The log's configuration.
    ///   - revocations: Followed once the log is open.
    ///   - conditions: Conditions that ``run(_:)`` sets.
    ///   - metrics: Gets the figures of the streams once the log is open.
    ///   - logger: Receives a warning for each limit of the bus that is too small.
    public init(
        connection: NATSConnection,
        log: EventLogConfiguration,
        revocations: RevocationFollower,
        readiness: Readiness,
        conditions: [String] = ["log"],
        metrics: PrometheusMetrics,
        logger: Logger
    ) {
        self.connection = connection
        self.log = log
        self.revocations = revocations
        self.readiness = readiness
        self.conditions = conditions
        self.metrics = metrics
        self.logger = logger
        readiness.observe("bus") { Self.status(of: connection) }
        for condition in conditions { readiness.set(condition, .notReady("not opened yet")) }
        BusLimits.observe(connection, for: log, logger: logger)
    }

    /// Runs `work`, which opens the log, until it ends or the shutdown cancels it, then closes the bus.
    ///
    /// - Throws: errors of `work`, except cancellation; ``BusClosedError``.
    public func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await work() }
                    group.addTask { try await untilClosed() }
                    group.addTask { try await revocations.run(beside: try await opened.value()) }
                    defer { group.cancelAll() }
                    _ = try await group.next()
                }
            }
        } catch let error as EventLogError where error.code == .cancelled {
            // Shutdown while waiting for the log.
        } catch let error as EventLogError where error.code == .closed {
            throw BusClosedError(connection)
        } catch is CancellationError {
        } catch WaitError.cancelled {}
        await connection.close()
    }

    /// Opens the log, without a time limit, and records its replication. Meanwhile readiness has the reason for waiting.
    public func open() async throws(EventLogError) -> EventLog {
        let log = try await EventLog.open(on: connection, configuration: log, logger: logger) { reason in
            for condition in conditions { readiness.set(condition, .notReady(reason)) }
        }
        readiness.note("log.replicas", "\(self.log.replicas)")
        noteOpened(log)
        return log
    }

    /// Records the log, once, where ``run(_:)``'s work opens it by other means than ``open()``.
    public func noteOpened(_ log: EventLog) {
        opened.settle(log)
        StreamMetrics.observe(log, in: metrics)
    }

    /// - Throws: ``BusClosedError`` when the connection was closed from outside, or `CancellationError`.
    private func untilClosed() async throws {
        let (closings, continuation) = AsyncStream.makeStream(of: Void.self)
        connection.onStateChange { if $0 == .closed { continuation.finish() } }
        for await _ in closings {}
        try Task.checkCancellation()
        throw BusClosedError(connection)
    }

    private static func status(of connection: NATSConnection) -> Readiness.Status {
        let state = connection.state
        guard state != .connected else { return .ready }
        return .notReady(connection.lastError.map { "\(state): \($0.message)" } ?? "\(state)")
    }
}

/// The connection to the bus was closed for good, and not by this process.
public struct BusClosedError: Error, Sendable, CustomStringConvertible {
    /// The error message, with the reason if known.
    public let message: String

    init(_ connection: NATSConnection) {
        let reason = connection.lastError.map { " (\($0.message))" } ?? ""
        message = "the connection to NATS was closed and will not be reopened\(reason): restart the process"
    }

    public var description: String { message }
}
