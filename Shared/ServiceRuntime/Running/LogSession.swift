public import EventLog
public import Logging
public import NATSClient
import ServiceLifecycle

/// What the services that work on the log have in common: they open it, report ready with it, and close the bus at the end.
///
/// The bus may be away, at the start or later: the process lives and is not ready. An incompatible stream stops the process with an error message.
public struct LogSession: Sendable {
    private let connection: NATSConnection
    private let readiness: Readiness

    /// Makes the process not ready until `conditions` are set to ready.
    ///
    /// - Parameters:
    ///   - connection: the bus, whose state becomes the condition `bus`.
    ///   - conditions: what is not ready before ``run(_:)`` has set it.
    public init(connection: NATSConnection, readiness: Readiness, conditions: [String] = ["log"]) {
        self.connection = connection
        self.readiness = readiness
        readiness.observe("bus") { connection.state == .connected ? .ready : .notReady("\(connection.state)") }
        for condition in conditions { readiness.set(condition, .notReady("not opened yet")) }
    }

    /// Runs `work` until it ends or the shutdown cancels it, and closes the bus after it.
    ///
    /// - Throws: what `work` throws, unless that says that it was cancelled.
    public func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
        do {
            try await cancelWhenGracefulShutdown(work)
        } catch let error as EventLogError where error.code == .cancelled || error.code == .closed {
            // The shutdown came while the log was waited for.
        } catch is CancellationError {}
        await connection.close()
    }

    /// Opens the log, however long that takes, and notes how durable it is.
    public func open(_ configuration: EventLogConfiguration, logger: Logger) async throws(EventLogError) -> EventLog {
        let log = try await EventLog.open(on: connection, configuration: configuration, logger: logger)
        readiness.note("log.replicas", "\(configuration.replicas)")
        return log
    }
}
