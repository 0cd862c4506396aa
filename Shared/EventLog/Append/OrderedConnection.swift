import Basics
import Logging
import NATSClient

/// The connection over which batches are appended: one that ends with the loss of its server, and is then replaced.
///
/// A connection that reconnects lets the first message after a loss wait, and sends it when the server is back (nats.c, whose buffer for that
/// can be made small but not empty). In a batch that message would be stored before others that went down with the old
/// socket, and the order of the batch were lost. Over this one, what did not arrive never arrives later.
actor OrderedConnection {
    private let main: NATSConnection
    private let timeout: Duration
    private let opening: SingleFlight<NATSConnection>
    private var current: NATSConnection?

    /// - Parameters:
    ///   - main: the connection of the process, which says where to and who; nothing is opened before the first batch.
    ///   - timeout: how long an append waits for its acknowledgement, unless told otherwise.
    init(beside main: NATSConnection, timeout: Duration, logger: Logger) {
        self.main = main
        self.timeout = timeout
        var configuration = main.configuration
        configuration.reconnects = false
        configuration.name += "-batches"
        // What happens to the server is told by the main connection; once is enough.
        var logger = logger
        logger.logLevel = .critical
        opening = SingleFlight { [configuration, logger] in try await NATSConnection.connect(configuration, logger: logger) }
    }

    /// Access over a connection that stands, which is opened if need be.
    func jetStream() async throws(EventLogError) -> JetStream {
        if let current, current.state == .connected { return JetStream(current, timeout: timeout) }
        guard main.state != .closed else { throw .closed }
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
