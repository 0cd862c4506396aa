import Basics
import Logging
import NATSClient
import Synchronization

/// A further connection with the servers and credentials of the process's. It closes when it loses its server, and is then replaced.
///
/// The first use opens it. Any thread.
final class SiblingConnection: Sendable {
    private let main: NATSConnection
    private let timeout: Duration
    private let opening: SingleFlight<NATSConnection>
    private let current = Mutex<NATSConnection?>(nil)
    /// When ``readyOrBegin()`` may try to open one again.
    private let nextAttempt = Mutex(ContinuousClock.now)
    /// The pause between its attempts.
    private static let attemptPause: Duration = .seconds(1)

    /// - Parameters:
    ///   - main: The process's connection.
    ///   - name: added to the connection's name in the server's monitoring.
    ///   - timeout: Default time limit of requests.
    init(of main: NATSConnection, name: String, timeout: Duration, logger: Logger) {
        self.main = main
        self.timeout = timeout
        var configuration = main.configuration
        configuration.reconnects = false
        configuration.name += "-\(name)"
        // One write for many messages, without a wait. With TLS, a batch is flushed at its end.
        configuration.isPolled = !configuration.needsTLS
        configuration.sendAsap = configuration.isPolled
        // The main connection logs state changes already.
        var logger = logger
        logger.logLevel = .critical
        opening = SingleFlight { [configuration, logger] in try await NATSConnection.connect(configuration, logger: logger) }
    }

    /// Returns a JetStream client on the open connection; opens one if needed.
    func jetStream() async throws(EventLogError) -> JetStream {
        if let ready { return ready }
        switch main.state {
        case .closed: throw .closed
        // It has the same servers: trying them one after another would take longer than the caller has.
        case .connecting, .reconnecting: throw .unavailable("Not connected to NATS. Retry in a moment.")
        case .connected: break
        }
        do {
            let connection = try await opening.joined()
            current.withLock { $0 = connection }
            return JetStream(connection, timeout: timeout)
        } catch let error as NATSError {
            throw EventLogError(error)
        } catch {
            throw .cancelled
        }
    }

    /// A JetStream client on the open connection; nil if none is open.
    var ready: JetStream? {
        guard let connection = current.withLock(\.self), connection.state == .connected else { return nil }
        return JetStream(connection, timeout: timeout)
    }

    /// The same; opens one in the background if needed, at most once a second.
    func readyOrBegin() -> JetStream? {
        if let ready { return ready }
        let now = ContinuousClock.now
        let mayTry = nextAttempt.withLock { next in
            guard next <= now else { return false }
            next = now.advanced(by: Self.attemptPause)
            return true
        }
        if mayTry { Task { try? await jetStream() } }
        return nil
    }

    /// Closes the open connection if `jetStream` uses it, because its server did not answer: a polled one has no pings that would tell. The next
    /// use opens another.
    func discard(_ jetStream: JetStream) {
        let isCurrent = current.withLock { current in
            guard current === jetStream.connection else { return false }
            current = nil
            return true
        }
        if isCurrent { Task { await jetStream.connection.close() } }
    }
}
