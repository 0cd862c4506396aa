import Basics
import NATSClient
import Synchronization

/// Tells the tasks of this library when the connection comes and goes.
///
/// A connection keeps its observers for as long as it lives; this is the one observer, which others join and leave.
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

    /// Calls `observer` after every change of state, on a thread of the connection's own, until it is removed.
    func add(_ observer: @escaping @Sendable (NATSConnectionState) -> Void) -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            state.observers[state.nextID] = observer
            return state.nextID
        }
    }

    /// The observer is not called any more, save for a call that is under way.
    func remove(_ id: UInt64) {
        state.withLock { $0.observers[id] = nil }
    }

    /// Returns when there is a connection.
    ///
    /// - Throws: ``EventLogError/Code/closed`` when there will never be one again, ``EventLogError/Code/cancelled``.
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
