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
    private let isPolled: Bool
    private let isPinging = Atomic(false)
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
        isPolled = !configuration.needsTLS
        configuration.isPolled = isPolled
        configuration.sendAsap = isPolled
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

    /// The same, if it is polled: a single message on an unpolled one waits for a flush. Opens one in the background if needed, at most once a second.
    func readyOrBegin() -> JetStream? {
        guard isPolled else { return nil }
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

    /// Pings the server of the open connection, if `jetStream` uses it, and closes the connection if no pong comes within the timeout: polled connections
    /// send no pings themselves. At most one ping is outstanding. After a close, the next use opens a new connection.
    func checkServer(of jetStream: JetStream) {
        let connection = jetStream.connection
        guard current.withLock({ $0 === connection }), !isPinging.exchange(true, ordering: .acquiringAndReleasing) else { return }
        Task {
            defer { isPinging.store(false, ordering: .releasing) }
            do {
                try await connection.flush(timeout: timeout)
            } catch {
                await connection.close()
            }
        }
    }
}
