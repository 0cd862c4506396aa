import Logging
import NATSClient

/// The connection over which batches are appended: one that ends with the loss of its server, and is then replaced.
///
/// A connection that reconnects lets the first message after a loss wait, and sends it when the server is back (nats.c, whose buffer for that
/// can be made small but not empty). In a batch that message would be stored before others that went down with the old
/// socket, and the order of the batch were lost. Over this one, what did not arrive never arrives later.
actor AppendLine {
    private let main: NATSConnection
    private let timeout: Duration
    private let logger: Logger
    private var current: NATSConnection?
    private var opening: Task<Result<NATSConnection, NATSError>, Never>?

    /// - Parameters:
    ///   - main: the connection of the process, which says where to and who; nothing is opened before the first batch.
    ///   - timeout: how long an append waits for its acknowledgement, unless told otherwise.
    init(beside main: NATSConnection, timeout: Duration, logger: Logger) {
        self.main = main
        self.timeout = timeout
        // What happens to the server is told by the main connection; once is enough.
        var logger = logger
        logger.logLevel = .critical
        self.logger = logger
    }

    /// Access over a connection that stands, which is opened if need be.
    func jetStream() async throws(EventLogError) -> JetStream {
        if let current, current.state == .connected { return JetStream(current, timeout: timeout) }
        guard main.state != .closed else { throw .closed }
        let opening = opening ?? open()
        let opened = await opening.value
        self.opening = nil
        do throws(NATSError) {
            let connection = try opened.get()
            current = connection
            return JetStream(connection, timeout: timeout)
        } catch {
            throw EventLogError(error)
        }
    }

    private func open() -> Task<Result<NATSConnection, NATSError>, Never> {
        var configuration = main.configuration
        configuration.reconnects = false
        configuration.name += "-batches"
        let logger = logger
        let task = Task { [configuration] in
            do throws(NATSError) {
                return Result<NATSConnection, NATSError>.success(try await NATSConnection.connect(configuration, logger: logger))
            } catch {
                return .failure(error)
            }
        }
        opening = task
        return task
    }
}
