import Basics
import NATSClient
import Synchronization

/// Notifies this library's tasks when the connection is lost or restored.
///
/// A connection keeps its observers for life: this is the only one, and distributes to observers that join and leave.
final class ConnectionWatch: Sendable {
    private struct State {
        var observers: [UInt64: @Sendable (NATSConnectionState) -> Void] = [:]
        var nextID: UInt64 = 0
    }

    private let connection: NATSConnection
    private let state = Mutex(State())

    init(_ connection: NATSConnection) {
        self.connection = connection
        connection.onStateChange { [weak self] state in self?.stateChanged(to: state) }
    }

    /// Adds an observer, called after every change of state on the connection's queue, until it is removed.
    func add(_ observer: @escaping @Sendable (NATSConnectionState) -> Void) -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            state.observers[state.nextID] = observer
            return state.nextID
        }
    }

    /// Removes an observer; a running call may still finish.
    func remove(_ id: UInt64) {
        state.withLock { $0.observers[id] = nil }
    }

    /// Waits until connected.
    ///
    /// - Throws: ``EventLogError/Code/closed`` when the connection is closed for good, ``EventLogError/Code/cancelled``.
    func untilConnected() async throws(EventLogError) {
        let changed = Signal()
        let observation = add { _ in changed.raise() }
        defer { remove(observation) }
        while true {
            if Task.isCancelled { throw .cancelled }
            switch connection.state {
            case .connected: return
            case .closed: throw .closed
            case .connecting, .reconnecting: await changed.wait()
            }
        }
    }

    private func stateChanged(to newState: NATSConnectionState) {
        for observer in state.withLock({ Array($0.observers.values) }) { observer(newState) }
    }
}
