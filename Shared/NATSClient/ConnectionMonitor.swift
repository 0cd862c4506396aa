import Dispatch
import Logging
import Synchronization

/// Reports connection events to the state machine, the outstanding requests, the observers and the log.
///
/// nats.c holds this object for the connection's lifetime. It has no reference to the ``NATSConnection``, so that can be released while
/// nats.c is still running.
final class ConnectionMonitor: Sendable {
    private struct Status {
        var lifecycle = ConnectionLifecycle()
        var observers: [@Sendable (NATSConnectionState) -> Void] = []
        var closeReason: NATSError?
    }

    let requests: RequestTable
    let readableStreams = ReadableStreams()
    let logger: Logger
    private let status = Mutex(Status())
    /// Calls the observers: one at a time, in the order of the changes, and never with a lock held.
    private let notifications = DispatchQueue(label: "causeway.nats.state-changes")

    init(requests: RequestTable, logger: Logger) {
        self.requests = requests
        self.logger = logger
    }

    var state: NATSConnectionState { status.withLock { $0.lifecycle.state } }

    /// Why the connection ended; nil after ``NATSConnection/close()``.
    var closeReason: NATSError? { status.withLock { $0.closeReason } }

    /// Adds an observer and calls it with the current state.
    func addObserver(_ observer: @escaping @Sendable (NATSConnectionState) -> Void) {
        status.withLock { status in
            status.observers.append(observer)
            let state = status.lifecycle.state
            notifications.async { observer(state) }
        }
    }

    /// Records an event. Called on nats.c's callback thread and on the threads of blocking calls.
    func record(_ event: ConnectionLifecycle.Event, reason: NATSError? = nil) {
        let change: NATSConnectionState? = status.withLock { status in
            guard status.lifecycle.apply(event) else { return nil }
            let state = status.lifecycle.state
            if state == .closed { status.closeReason = reason }
            // Before anyone sees the new state, and then requests a message.
            if state == .reconnecting { readableStreams.connectionLost() }
            for observer in status.observers {
                notifications.async { observer(state) }
            }
            // Release the observers and what they retain.
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
