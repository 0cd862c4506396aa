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
        /// The search for a server succeeded.
        case serverFound
        /// The library has given its connection up, and the search begins again.
        case searching
        /// The server was lost.
        case disconnected
        /// A server was found again.
        case reconnected
        /// The connection ended.
        case closed
    }

    private(set) var state = NATSConnectionState.connecting
    /// Whether nothing is known yet of the connection that the search finds.
    private var isSearching = true

    /// Takes an event in; true if the state changed.
    mutating func apply(_ event: Event) -> Bool {
        let next: NATSConnectionState =
            switch (state, event) {
            case (.closed, _), (_, .closed): .closed
            case (_, .serverFound): isSearching ? .connected : state
            case (_, .reconnected): .connected
            case (.connecting, .searching): .connecting
            case (_, .disconnected), (_, .searching): .reconnecting
            }
        isSearching = event == .searching
        defer { state = next }
        return next != state
    }
}
