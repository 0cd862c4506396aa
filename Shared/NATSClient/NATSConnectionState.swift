/// Where a ``NATSConnection`` stands.
public enum NATSConnectionState: String, Hashable, Sendable {
    /// It has not had a server yet and keeps trying.
    case connecting
    /// It has a server.
    case connected
    /// It lost its server and keeps trying.
    case reconnecting
    /// It has ended and does not come back.
    case closed
}

/// What the events of a connection make of its state: a pure value.
///
/// The end of the search and the library's callbacks come from different threads, so that news of a loss may arrive before news of the
/// connect; every order ends in the right state.
struct ConnectionLifecycle {
    /// Something that happened to a connection.
    enum Event {
        /// The search for a first server succeeded.
        case serverFound
        /// The server was lost.
        case disconnected
        /// A server was found again.
        case reconnected
        /// The connection ended.
        case closed
    }

    private(set) var state = NATSConnectionState.connecting

    /// Takes an event in; true if the state changed.
    mutating func apply(_ event: Event) -> Bool {
        let next: NATSConnectionState =
            switch (state, event) {
            case (.closed, _), (_, .closed): .closed
            case (.connecting, .serverFound), (_, .reconnected): .connected
            case (.connected, .serverFound), (.reconnecting, .serverFound): state
            case (_, .disconnected): .reconnecting
            }
        defer { state = next }
        return next != state
    }
}
