import Basics
import Logging
import NATSClient

/// Keeps batches in order: a connection that closes when it loses its server, and is then replaced.
///
/// A reconnecting nats.c connection holds the first message after a loss in its buffer (small, never empty) and sends it on reconnect. In a
/// batch, that message would be stored before others that were lost with the old socket. On this connection, lost messages are never sent
/// later.
actor OrderedConnection {
    private let main: NATSConnection
    private let timeout: Duration
    private let opening: SingleFlight<NATSConnection>
    private var current: NATSConnection?

    /// - Parameters:
    ///   - main: The process's connection, which has servers and credentials. The ordered one is opened by the first batch or large event.
    ///   - timeout: Default time limit of an append's acknowledgement.
    init(beside main: NATSConnection, timeout: Duration, logger: Logger) {
        self.main = main
        self.timeout = timeout
        var configuration = main.configuration
        configuration.reconnects = false
        // One write for many messages; a batch is flushed at its end.
        configuration.sendAsap = false
        configuration.name += "-batches"
        // The main connection logs state changes already.
        var logger = logger
        logger.logLevel = .critical
        opening = SingleFlight { [configuration, logger] in try await NATSConnection.connect(configuration, logger: logger) }
    }

    /// Returns a JetStream client on an open connection; opens one if needed.
    func jetStream() async throws(EventLogError) -> JetStream {
        if let current, current.state == .connected { return JetStream(current, timeout: timeout) }
        switch main.state {
        case .closed: throw .closed
        // It has the same servers: trying them one after another would take longer than the caller has.
        case .connecting, .reconnecting: throw .unavailable("Not connected to NATS. Retry in a moment.")
        case .connected: break
        }
        do {
            let connection = try await opening.joined()
            current = connection
            return JetStream(connection, timeout: timeout)
        } catch let error as NATSError {
            throw EventLogError(error)
        } catch {
            throw .cancelled
        }
    }
}
