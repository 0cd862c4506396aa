import Dispatch
import Logging
import Synchronization

/// What happens to a connection, told to whom it concerns: its state, its outstanding requests, its observers and the log.
///
/// This is the object that nats.c holds for a connection. It does not refer to the ``NATSConnection``, which can so be released while the
/// library still works.
final class ConnectionMonitor: Sendable {
    private struct Status {
        var lifecycle = ConnectionLifecycle()
        var observers: [@Sendable (NATSConnectionState) -> Void] = []
        var closeReason: NATSError?
    }

    let requests: RequestTable
    let logger: Logger
    private let status = Mutex(Status())
    /// Calls the observers: one at a time, in the order of the changes, and never with a lock held.
    private let notifications = DispatchQueue(label: "causeway.nats.state-changes")

    init(requests: RequestTable, logger: Logger) {
        self.requests = requests
        self.logger = logger
    }

    var state: NATSConnectionState { status.withLock { $0.lifecycle.state } }

    /// Why the connection ended, if it was not by ``NATSConnection/close()``.
    var closeReason: NATSError? { status.withLock { $0.closeReason } }

    /// Adds an observer and tells it where the connection stands.
    func addObserver(_ observer: @escaping @Sendable (NATSConnectionState) -> Void) {
        status.withLock { status in
            status.observers.append(observer)
            let state = status.lifecycle.state
            notifications.async { observer(state) }
        }
    }

    /// Takes in what happened. Called on nats.c's callback thread and on the threads of blocking calls.
    func record(_ event: ConnectionLifecycle.Event, reason: NATSError? = nil) {
        let change: NATSConnectionState? = status.withLock { status in
            guard status.lifecycle.apply(event) else { return nil }
            let state = status.lifecycle.state
            if state == .closed { status.closeReason = reason }
            for observer in status.observers {
                notifications.async { observer(state) }
            }
            // An observer is of no use any more, and what it refers to is to be freed.
            if state == .closed { status.observers = [] }
            return state
        }
        switch change {
        case nil, .connecting:
            return
        case .connected:
            logger.info("connected to NATS")
        case .reconnecting:
            requests.failAll(with: .disconnected)
            logger.warning("connection to NATS lost, reconnecting")
        case .closed:
            requests.close()
            if let reason {
                logger.error("connection to NATS closed", metadata: [NATSLogKey.reason: "\(reason)"])
            } else {
                logger.info("connection to NATS closed")
            }
        }
    }
}

/// The metadata keys of this library's log lines.
enum NATSLogKey {
    static let name = "nats.name"
    static let servers = "nats.servers"
    static let reason = "nats.reason"
    static let subject = "nats.subject"
}
